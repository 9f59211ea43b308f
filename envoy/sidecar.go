package envoy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
)

// The times of a stop: half a minute in all fits into the 30 seconds that
// Kubernetes gives before it kills.
const (
	DefaultDrainTime  = 5 * time.Second
	DefaultDrainLimit = 25 * time.Second
	// stopGrace is what Envoy gets from SIGTERM to SIGKILL. It needs far less.
	stopGrace = 3 * time.Second
)

// SidecarConfig is a sidecar to run.
type SidecarConfig struct {
	// Sidecar says what it is; the fields of the module are filled in.
	Sidecar mesh.Sidecar
	XDS     XDS
	// Admin is host:port of Envoy's admin interface; empty means 127.0.0.1:0.
	Admin  string
	Binary Binary
	// Wasm is the module.
	Wasm []byte
	// StateDir is a folder of this sidecar's own, made if it is not there.
	// Empty means one that is removed in the end.
	StateDir    string
	Concurrency int
	// DrainTime and DrainLimit bound a stop; see DrainOptions.
	DrainTime, DrainLimit time.Duration
	LogLevel              string
	// Args are added to Envoy's command line.
	Args           []string
	Stdout, Stderr io.Writer
	Logger         *slog.Logger
	// Ready is called once Envoy serves; may be nil.
	Ready func(Admin)
}

// RunSidecar runs one sidecar until ctx is done, and then drains and ends it.
// It returns an error, with Envoy's last words, if Envoy ends before.
func RunSidecar(ctx context.Context, c SidecarConfig) (err error) {
	if err := c.complete(); err != nil {
		return err
	}
	if c.StateDir == "" {
		dir, err := os.MkdirTemp("", "tutti-sidecar-")
		if err != nil {
			return fmt.Errorf("sidecar: a folder for its state: %w; give one by --state-dir", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		c.StateDir = dir
	}
	p, err := c.start()
	if err != nil {
		return err
	}
	defer p.Stop(stopGrace)
	if err := c.serve(ctx, p); err != nil {
		return err
	}
	return c.end(p)
}

func (c *SidecarConfig) complete() error {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Admin == "" {
		c.Admin = "127.0.0.1:0"
	}
	if c.Sidecar.AppProtocol == "" {
		c.Sidecar.AppProtocol = "http1"
	}
	if p := c.Sidecar.AppProtocol; p != "http1" && p != "http2" {
		return fmt.Errorf("sidecar: the application's protocol is http1 or http2, not %q", p)
	}
	for what, addr := range map[string]string{"listen": c.Sidecar.Listen, "app": c.Sidecar.App, "xds": c.XDS.Address} {
		if _, err := address(addr); err != nil {
			return fmt.Errorf("sidecar: %s: %w", what, err)
		}
	}
	if c.Sidecar.Listen == c.Sidecar.App {
		return fmt.Errorf("sidecar: it cannot listen where its service does, %s: the sidecar would call itself", c.Sidecar.App)
	}
	if c.Sidecar.ID == "" {
		c.Sidecar.ID = defaultID(c.Sidecar.Service, c.Sidecar.Listen)
	}
	return nil
}

// defaultID is the same after a restart, so that the status knows the sidecar
// again, and differs between pods and between ports of one machine.
func defaultID(service, listen string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return service + "-" + host
	}
	return service + "-" + host + "-" + port
}

func (c *SidecarConfig) start() (*Process, error) {
	m, err := StageModule(c.StateDir, c.Wasm)
	if err != nil {
		return nil, fmt.Errorf("sidecar: %w", err)
	}
	c.Sidecar.ModulePath, c.Sidecar.ModuleSHA256 = m.Path, m.SHA256
	raw, err := Bootstrap(BootstrapConfig{Sidecar: c.Sidecar, XDS: c.XDS, Admin: c.Admin})
	if err != nil {
		return nil, err
	}
	path := filepath.Join(c.StateDir, "bootstrap.json")
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		return nil, fmt.Errorf("sidecar: %w", err)
	}
	p, err := Start(ProcessConfig{
		Binary: c.Binary.Path, Bootstrap: path, Dir: c.StateDir, Concurrency: c.Concurrency, DrainTime: c.DrainTime,
		LogLevel: c.LogLevel, Args: c.Args, Stdout: c.Stdout, Stderr: c.Stderr,
	})
	if err != nil {
		return nil, err
	}
	c.Logger.Info("envoy started", "service", c.Sidecar.Service, "id", c.Sidecar.ID, "envoy", c.Binary.Version.String(),
		"path", c.Binary.Path, "pid", p.Pid(), "module", m.Path, "xds", c.XDS.Address)
	return p, nil
}

// serve returns nil when ctx is done, and an error when Envoy ends first.
func (c *SidecarConfig) serve(ctx context.Context, p *Process) error {
	err := p.WaitReady(ctx)
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return err
	}
	a, err := p.Admin(ctx)
	if err != nil {
		return err
	}
	c.Logger.Info("ready", "service", c.Sidecar.Service, "listen", c.Sidecar.Listen, "app", c.Sidecar.App, "admin", a.URL)
	if c.Ready != nil {
		c.Ready(a)
	}
	select {
	case <-p.Done():
		return p.Err()
	case <-ctx.Done():
		return nil
	}
}

// end drains. What goes wrong is logged and no failure of the sidecar: Envoy
// is stopped in any case.
func (c *SidecarConfig) end(p *Process) error {
	c.Logger.Info("draining", "service", c.Sidecar.Service, "time", c.DrainTime, "limit", c.DrainLimit)
	d, err := p.Drain(context.Background(), DrainOptions{Wait: c.DrainTime, Limit: c.DrainLimit})
	switch {
	case err != nil:
		c.Logger.Warn("not drained", "service", c.Sidecar.Service, "err", err)
	case !d.Idle:
		c.Logger.Warn("drain limit reached", "service", c.Sidecar.Service, "took", d.Took, "requests_cut_off", d.Left)
	default:
		c.Logger.Info("drained", "service", c.Sidecar.Service, "took", d.Took)
	}
	p.Stop(stopGrace)
	return nil
}
