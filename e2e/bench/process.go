package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout = 30 * time.Second
	stopGrace    = 3 * time.Second
	pollEvery    = 10 * time.Millisecond
)

// farm starts processes and stops every one of them.
type farm struct {
	ctx      context.Context
	dir      string // of logs and configurations
	children []*child
	ports    int // the last one that was given out
}

// child is one process. Its end is noticed once, for whoever waits.
type child struct {
	name  string
	cmd   *exec.Cmd
	log   string // path of its standard error
	ended chan struct{}
}

// start runs a command. Its standard output is discarded unless stdout is given.
func (f *farm) start(name string, stdout *os.File, command ...string) (*child, error) {
	c := &child{name: name, log: filepath.Join(f.dir, name+".log"), ended: make(chan struct{})}
	log, err := os.Create(c.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	c.cmd = exec.Command(command[0], command[1:]...)
	c.cmd.Stderr = log
	if stdout != nil {
		c.cmd.Stdout = stdout
	}
	// In a group of its own, so that Ctrl-C reaches bench alone, which then
	// stops everything in order; and no orphan if bench is killed.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = c.cmd.Wait() // how it ended is told by who misses it
		close(c.ended)
	}()
	f.children = append(f.children, c)
	return c, nil
}

// startListening runs this binary in another of its modes and reads the
// addresses that it prints.
func (f *farm) startListening(addresses int, args ...string) (*child, []string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	c, err := f.start(args[0], w, append([]string{self}, args...)...)
	w.Close()
	if err != nil {
		return nil, nil, err
	}
	var found []string
	lines := bufio.NewScanner(r)
	for len(found) < addresses && lines.Scan() {
		found = append(found, lines.Text())
	}
	if len(found) < addresses {
		return nil, nil, c.trouble(errors.New("it ended early"))
	}
	return c, found, nil
}

// poll calls try until it says true, at most for startTimeout, and no longer
// than the child lives.
func (f *farm) poll(c *child, what string, try func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(f.ctx, startTimeout)
	defer cancel()
	var last error
	for {
		ok, err := try()
		if ok {
			return nil
		}
		if err != nil {
			last = err
		}
		select {
		case <-c.ended:
			return c.trouble(fmt.Errorf("%s: %s ended", what, c.name))
		case <-ctx.Done():
			if f.ctx.Err() != nil {
				return f.ctx.Err()
			}
			return c.trouble(fmt.Errorf("%s: not within %v (last: %v)", what, startTimeout, last))
		case <-time.After(pollEvery):
		}
	}
}

// trouble adds what the child said last.
func (c *child) trouble(err error) error {
	const most = 2000
	log, _ := os.ReadFile(c.log)
	if len(log) > most {
		log = log[len(log)-most:]
	}
	return fmt.Errorf("%w\n--- end of the log of %s:\n%s", err, c.name, log)
}

// stop ends children: SIGTERM, after a grace SIGKILL. Those that ended are
// forgotten.
func (f *farm) stop(children ...*child) {
	for _, c := range children {
		_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	}
	grace := time.After(stopGrace)
	for _, c := range children {
		select {
		case <-c.ended:
			continue
		case <-grace:
			grace = time.After(0) // the others have had theirs
		}
		envoys := childrenOf(c.cmd.Process.Pid)
		_ = c.cmd.Process.Kill()
		<-c.ended
		for _, pid := range envoys {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	kept := f.children[:0]
	for _, c := range f.children {
		select {
		case <-c.ended:
		default:
			kept = append(kept, c)
		}
	}
	f.children = kept
}

// stopAll leaves nothing running.
func (f *farm) stopAll() { f.stop(append([]*child(nil), f.children...)...) }

// port finds a free port below those that Linux gives to outgoing connections.
func (f *farm) port() (int, error) {
	const first, last = 20000, 32000
	if f.ports == 0 {
		// Two runs at once begin far from each other.
		f.ports = first + os.Getpid()*101%(last-first)
	}
	for range last - first {
		if f.ports++; f.ports >= last {
			f.ports = first
		}
		listener, err := net.Listen("tcp", address(f.ports))
		if err == nil {
			listener.Close()
			return f.ports, nil
		}
	}
	return 0, errors.New("no free ports on 127.0.0.1")
}

func address(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

// clockTick is the unit of times in /proc/PID/stat: USER_HZ, 100 on every
// architecture that Go and Envoy run on.
const clockTick = 10 * time.Millisecond

// cpuTime is what a process has used so far, user and system.
func cpuTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseCPU(string(stat))
}

// parseCPU reads utime and stime, fields 14 and 15 of proc_pid_stat(5). The
// second field is a name in parentheses that may hold anything.
func parseCPU(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("not a /proc/PID/stat: %q", stat)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * clockTick, errors.Join(err1, err2)
}

// residentMB is VmRSS in MB of 2^20 bytes.
func residentMB(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			return kb / 1024, err
		}
	}
	return 0, fmt.Errorf("process %d has ended", pid)
}

// childrenOf lists the processes that pid has started.
func childrenOf(pid int) []int {
	var found []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			found = append(found, child)
		}
	}
	return found
}
