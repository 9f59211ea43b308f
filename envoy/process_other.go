//go:build !linux

package envoy

import "syscall"

// childAttr: only Linux can tie a child's life to ours.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
