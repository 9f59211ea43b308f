// Package demo is `tutti demo`: a mesh on this machine, in which one request is
// answered by three services, and then the policy is changed.
//
//	mesh.go    the control plane and the sidecars, in this process; the
//	           services, as children; an Envoy for each sidecar
//	ask.go     the request, and what its answer must be
//	change.go  the change of the policy, with requests going on
//
// Everything listens on loopback and is gone when Run returns.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tutti-mesh/tutti/controlplane"
	"github.com/tutti-mesh/tutti/envoy"
)

// Config is what a demo needs.
type Config struct {
	// Services is the binary of the sample services, Policies the policy file
	// to begin with.
	Services, Policies string
	// Wasm is the module, PlanVersions what it runs.
	Wasm         []byte
	PlanVersions []int
	// Version is this tutti's, Self its name as a user would type it.
	Version, Self string
	Envoy         envoy.Finder
	// Status asks the control plane at a URL.
	Status func(ctx context.Context, server string) (controlplane.Status, error)
	// Once ends after the changed answer, instead of staying up.
	Once bool
	// Out hears the story.
	Out io.Writer
}

// limit bounds each wait; it only ends what would never come.
const limit = 60 * time.Second

// Run plays the demo until ctx is done, or to its end if Once is set. It
// returns an error if anything was not as it should be.
func Run(ctx context.Context, c Config) (err error) {
	dir, err := os.MkdirTemp("", "tutti-demo-")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	m := &mesh{Config: c, dir: dir, addr: map[string]string{}}
	interrupted := ctx
	ctx, m.fail = context.WithCancelCause(ctx)
	defer func() {
		if cause := context.Cause(ctx); cause != nil && interrupted.Err() == nil {
			err = cause // why it was cut short, rather than what that broke
		}
		m.fail(nil)
		m.parts.Wait()
		switch {
		case interrupted.Err() != nil && err != nil:
			err = errors.New("interrupted")
		case err != nil:
			err = fmt.Errorf("%w%s", err, m.lastLog())
		}
		if cleanErr := errors.Join(m.closeLogs(), os.RemoveAll(dir)); err == nil {
			err = cleanErr
		}
	}()
	if err := m.openLogs(); err != nil {
		return err
	}
	if err := m.start(ctx); err != nil {
		return err
	}
	if err := m.play(ctx); err != nil || c.Once {
		return err
	}
	m.invite()
	<-ctx.Done()
	m.say("\nending ...")
	return nil
}

// play asks, changes the policy and asks again.
func (m *mesh) play(ctx context.Context) error {
	first, err := m.ask(ctx, "")
	if err != nil {
		return err
	}
	if err := m.show(first); err != nil {
		return err
	}
	c, err := m.change(ctx)
	if err != nil {
		return err
	}
	m.say("Now %s is changed while requests go on:\n\n  +%s\n\nEvery sidecar had acknowledged it after %d ms; %d requests meanwhile, none failed.\n",
		m.policyFile(), c.line, c.took.Milliseconds(), c.requests)
	second, err := m.ask(ctx, addedField)
	if err != nil {
		return err
	}
	return m.show(second)
}

// invite says where everything is and what to try.
func (m *mesh) invite() {
	m.say(`It stays up until Ctrl-C. The policy is %s. Try:

  curl -i http://%s/products/7
  curl -X PUT http://%s/_fault -d '{"prefix":"/v1/reviews","status":503}'   # then ask again
  %s status --server http://%s
`, m.policyFile(), m.addr["storefront"], m.addr["reviews.app"], m.Self, m.addr["http"])
	m.say("  %-12s %-24s %-24s %s", "", "SIDECAR", "SERVICE", "ENVOY'S ADMIN")
	for _, s := range shop {
		m.say("  %-12s http://%-17s http://%-17s http://%s", s, m.addr[s], m.addr[s+".app"], m.addr[s+".admin"])
	}
	m.say("  %-12s http://%s/v1/status", "status", m.addr["http"])
	m.say("  %-12s %s, %s", "logs", m.log.Name(), m.access.Name())
}

func (m *mesh) say(format string, args ...any) {
	fmt.Fprintf(m.Out, format+"\n", args...)
}

// openLogs makes the files that everything's output goes to.
func (m *mesh) openLogs() (err error) {
	if m.log, err = os.Create(filepath.Join(m.dir, "demo.log")); err == nil {
		m.access, err = os.Create(filepath.Join(m.dir, "access.log"))
	}
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

// closeLogs closes what openLogs opened.
func (m *mesh) closeLogs() error {
	var errs []error
	for _, f := range []*os.File{m.log, m.access} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// lastLog is the end of the log, for an error: the folder will be gone.
func (m *mesh) lastLog() string {
	raw, err := os.ReadFile(filepath.Join(m.dir, "demo.log"))
	if err != nil || len(raw) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return "\nthe end of its log:\n    " + strings.Join(lines[max(0, len(lines)-15):], "\n    ")
}
