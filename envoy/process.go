package envoy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// DefaultConcurrency is the number of worker threads of a sidecar. Two let one
// slow request share a machine with the rest; each further one costs 3 to 4 MB
// for its copy of the module.
const DefaultConcurrency = 2

// pollEvery is how often Envoy is asked for something that it cannot announce.
const pollEvery = 20 * time.Millisecond

// ProcessConfig says how to run an Envoy.
type ProcessConfig struct {
	// Binary is the path of Envoy.
	Binary string
	// Bootstrap is the file that Bootstrap's bytes were written to.
	Bootstrap string
	// Dir is a folder of this sidecar's own, for the admin's address.
	Dir string
	// Concurrency is the number of workers; 0 means DefaultConcurrency.
	Concurrency int
	// DrainTime is how long listeners go on accepting once a drain began, so
	// that load balancers can look away. In whole seconds, rounded up.
	DrainTime time.Duration
	// LogLevel is Envoy's --log-level; empty means warning.
	LogLevel string
	// Args are added to Envoy's command line as they are.
	Args []string
	// Stdout and Stderr get Envoy's output, access and application log. Nil
	// discards.
	Stdout, Stderr io.Writer
}

// Process is a running Envoy.
type Process struct {
	cfg   ProcessConfig
	cmd   *exec.Cmd
	tail  *tail
	ended chan struct{}
	err   error // valid once ended is closed
}

// Start runs Envoy as a child that dies with this process, in a process group
// of its own, so that a Ctrl-C in the terminal reaches us and not it: we drain
// first.
func Start(cfg ProcessConfig) (*Process, error) {
	if cfg.Concurrency == 0 {
		cfg.Concurrency = DefaultConcurrency
	}
	if cfg.LogLevel == "" {
		cfg.LogLevel = "warning"
	}
	// A file of an earlier run would name a port that is no longer ours.
	if err := os.Remove(adminFile(cfg.Dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("preparing %s: %w", cfg.Dir, err)
	}
	p := &Process{cfg: cfg, tail: newTail(cfg.Stderr), ended: make(chan struct{})}
	p.cmd = exec.Command(cfg.Binary, cfg.args()...)
	p.cmd.Stdout, p.cmd.Stderr = cfg.Stdout, p.tail
	p.cmd.SysProcAttr = childAttr()
	started := make(chan error)
	go func() {
		// Linux ties the child's death signal to the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting Envoy: %w", err)
	}
	return p, nil
}

func adminFile(dir string) string { return filepath.Join(dir, "admin-address") }

func (c ProcessConfig) args() []string {
	seconds := int((c.DrainTime + time.Second - 1) / time.Second)
	args := []string{
		"--config-path", c.Bootstrap,
		"--concurrency", strconv.Itoa(c.Concurrency),
		"--admin-address-path", adminFile(c.Dir),
		// Several Envoys on one machine would otherwise meet in shared memory.
		"--disable-hot-restart",
		"--drain-time-s", strconv.Itoa(max(seconds, 1)),
		// Every answer of a draining Envoy asks the client to go elsewhere,
		// not a growing share of them.
		"--drain-strategy", "immediate",
		"--log-level", c.LogLevel,
		"--log-format", "[%Y-%m-%d %T.%e] [envoy] [%l] [%n] %v",
	}
	return append(args, c.Args...)
}

// Pid is Envoy's process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when Envoy has ended, for whatever reason.
func (p *Process) Done() <-chan struct{} { return p.ended }

// Err says, once Done is closed, how Envoy ended and what it said last.
func (p *Process) Err() error {
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("Envoy (pid %d) ended: %s; its last words:%s", p.Pid(), how, p.tail.lastWords())
}

// Admin waits until Envoy has opened its admin interface.
func (p *Process) Admin(ctx context.Context) (Admin, error) {
	var a Admin
	err := p.poll(ctx, func() (bool, error) {
		raw, err := os.ReadFile(adminFile(p.cfg.Dir))
		if err != nil || len(raw) == 0 {
			return false, nil //nolint:nilerr // not written yet
		}
		a, err = NewAdmin(strings.TrimSpace(string(raw)))
		return err == nil, err
	})
	if err != nil {
		return Admin{}, fmt.Errorf("waiting for Envoy's admin interface: %w", err)
	}
	return a, nil
}

// WaitReady waits until Envoy serves, which it does once the control plane has
// given it its first configuration.
func (p *Process) WaitReady(ctx context.Context) error {
	a, err := p.Admin(ctx)
	if err != nil {
		return err
	}
	state := ""
	err = p.poll(ctx, func() (bool, error) {
		ready, now, err := a.Ready(ctx)
		if err == nil {
			state = now
		}
		return ready, nil // an error may pass; the end of the process does not
	})
	if err != nil {
		return fmt.Errorf("waiting for Envoy to be ready (it is %s; before its first configuration, it waits for the control plane): %w", state, err)
	}
	return nil
}

// poll calls try until it says true or fails, or Envoy ends, or ctx does.
func (p *Process) poll(ctx context.Context, try func() (bool, error)) error {
	t := time.NewTicker(pollEvery)
	defer t.Stop()
	for {
		if ok, err := try(); ok || err != nil {
			return err
		}
		select {
		case <-p.ended:
			return p.Err()
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
}

// Stop ends Envoy: SIGTERM, and SIGKILL when grace is over. It returns when
// Envoy is gone; calling it again does nothing.
func (p *Process) Stop(grace time.Duration) {
	p.signal(syscall.SIGTERM)
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-p.ended:
	case <-t.C:
		p.signal(syscall.SIGKILL)
		<-p.ended
	}
}

// signal is a no-op once Envoy has ended.
func (p *Process) signal(s syscall.Signal) {
	select {
	case <-p.ended:
	default:
		// It can end between the check and the signal; that is what we wanted.
		_ = p.cmd.Process.Signal(s)
	}
}
