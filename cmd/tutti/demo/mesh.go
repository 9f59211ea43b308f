package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tutti-mesh/tutti/controlplane"
	cpmesh "github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/controlplane/publish"
	"github.com/tutti-mesh/tutti/envoy"
)

// shop are the sample services, each with a sidecar; the first is the one that
// is asked.
var shop = []string{"storefront", "catalog", "reviews", "inventory"}

// poll is how often something is asked for that cannot announce itself.
const poll = 5 * time.Millisecond

// mesh is everything that runs.
type mesh struct {
	Config
	dir string
	// addr is host:port by what listens: a service's name for its sidecar,
	// NAME.app, NAME.admin, xds and http.
	addr map[string]string
	// log is what everything says, access the access log of the Envoys.
	log, access *os.File
	// fail ends the demo when a part ends that should not; parts are those.
	fail  context.CancelCauseFunc
	parts sync.WaitGroup
}

// start brings everything up and returns when all sidecars are synced.
func (m *mesh) start(ctx context.Context) error {
	binary, err := m.Envoy.Find(ctx)
	if err != nil {
		return err
	}
	m.say("Envoy          %s (%s)", binary.Version, binary.Source)
	if err := m.prepare(); err != nil {
		return err
	}
	for _, s := range shop {
		if err := m.startService(ctx, s); err != nil {
			return err
		}
	}
	for _, s := range shop {
		if err := m.waitService(ctx, s); err != nil {
			return err
		}
	}
	m.say("services       %s", strings.Join(shop, ", "))
	if err := m.startControlPlane(ctx); err != nil {
		return err
	}
	m.say("control plane  xDS on %s, status on http://%s/v1/status", m.addr["xds"], m.addr["http"])
	began := time.Now()
	for i, s := range shop {
		m.startSidecar(ctx, s, binary, i == 0)
	}
	if err := m.waitStatus(ctx, allSynced); err != nil {
		return fmt.Errorf("waiting for the sidecars: %w", err)
	}
	m.say("sidecars       %d, all SYNCED after %.1f s\n", len(shop), time.Since(began).Seconds())
	return nil
}

// prepare takes ports and writes the policies.
func (m *mesh) prepare() (err error) {
	ports := map[string]int{"xds": 18000, "http": 18001}
	for i, s := range shop {
		ports[s], ports[s+".app"], ports[s+".admin"] = 10000+i, 10010+i, 10020+i
	}
	for name, port := range ports {
		if m.addr[name], err = freeAddress(port); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(m.Policies)
	if err != nil {
		return fmt.Errorf("the demo's policies: %w; --policies FILE names another", err)
	}
	// In docker-compose services have names; here they have ports.
	policy := string(text)
	for _, s := range shop {
		policy = strings.ReplaceAll(policy, s+":8080", m.addr[s])
	}
	if err := os.Mkdir(filepath.Join(m.dir, "policies"), 0o755); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return m.writePolicy(policy)
}

// freeAddress is the port wanted or, if something listens there, another.
func freeAddress(port int) (string, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return "", fmt.Errorf("no free port: %w", err)
		}
	}
	return l.Addr().String(), l.Close()
}

// writePolicy replaces the policy file at once, as editors do.
func (m *mesh) writePolicy(text string) error {
	tmp := filepath.Join(m.dir, "shop.yaml.new")
	if err := os.WriteFile(tmp, []byte(text), 0o644); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return os.Rename(tmp, m.policyFile())
}

func (m *mesh) policyFile() string { return filepath.Join(m.dir, "policies", "shop.yaml") }

// part runs something until ctx is done; if it ends before, so does the demo.
func (m *mesh) part(ctx context.Context, name string, run func() error) {
	m.parts.Go(func() {
		err := run()
		if ctx.Err() == nil {
			m.fail(errors.Join(fmt.Errorf("%s ended", name), err))
		}
	})
}

func (m *mesh) startService(ctx context.Context, name string) error {
	cmd := exec.CommandContext(ctx, m.Services, "--name", name, "--listen", m.addr[name+".app"])
	cmd.Stdout, cmd.Stderr = m.log, m.log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	// A Ctrl-C is for us: we end the others in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("the sample services: %w; `make build` makes bin/services, --services FILE names another", err)
	}
	m.part(ctx, "service "+name, cmd.Wait)
	return nil
}

func (m *mesh) waitService(ctx context.Context, name string) error {
	err := wait(ctx, func(ctx context.Context) error {
		_, err := get(ctx, "http://"+m.addr[name+".app"]+"/healthz")
		return err
	})
	if err != nil {
		return fmt.Errorf("waiting for the service %s: %w", name, err)
	}
	return nil
}

func (m *mesh) logger() *slog.Logger { return slog.New(slog.NewTextHandler(m.log, nil)) }

func (m *mesh) startControlPlane(ctx context.Context) error {
	ready := make(chan struct{})
	m.part(ctx, "control plane", func() error {
		return controlplane.Run(ctx, controlplane.Config{
			PoliciesDir: filepath.Join(m.dir, "policies"), XDSAddr: m.addr["xds"], HTTPAddr: m.addr["http"],
			Version: m.Version, Logger: m.logger().With("part", "control-plane"),
			Ready: func(controlplane.Addrs) { close(ready) },
		})
	})
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (m *mesh) startSidecar(ctx context.Context, name string, binary envoy.Binary, edge bool) {
	m.part(ctx, "sidecar of "+name, func() error {
		return envoy.RunSidecar(ctx, envoy.SidecarConfig{
			Sidecar: cpmesh.Sidecar{
				ID: name + "-sidecar", Service: name, Listen: m.addr[name], App: m.addr[name+".app"], Edge: edge,
				PlanVersions: m.PlanVersions, Version: m.Version,
			},
			XDS: envoy.XDS{Address: m.addr["xds"]}, Admin: m.addr[name+".admin"], Binary: binary, Wasm: m.Wasm,
			StateDir: filepath.Join(m.dir, name), Concurrency: 1, DrainLimit: 5 * time.Second,
			Stdout: m.access, Stderr: m.log, Logger: m.logger().With("part", name+"-sidecar"),
		})
	})
}

// waitStatus asks the control plane until is returns nil; its last error if
// that takes too long.
func (m *mesh) waitStatus(ctx context.Context, is func(controlplane.Status) error) error {
	return wait(ctx, func(ctx context.Context) error {
		st, err := m.Status(ctx, "http://"+m.addr["http"])
		if err != nil {
			return err
		}
		return is(st)
	})
}

// allSynced says which sidecars are not there or not synced.
func allSynced(st controlplane.Status) error {
	state := map[string]publish.State{}
	for _, s := range st.Sidecars {
		state[s.Service] = s.State
		if s.Error != "" {
			return fmt.Errorf("the sidecar of %s: %s", s.Service, s.Error)
		}
	}
	for _, s := range shop {
		if state[s] != publish.Synced {
			return fmt.Errorf("the sidecar of %s is %q", s, state[s])
		}
	}
	return nil
}

// wait tries until try returns nil.
func wait(ctx context.Context, try func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	t := time.NewTicker(poll)
	defer t.Stop()
	for {
		err := try(limited)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-limited.Done():
			return fmt.Errorf("not within %s: %w", limit, err)
		case <-t.C:
		}
	}
}

// get returns the body of a 200.
func get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", url, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: status %d: %s", url, resp.StatusCode, body)
	}
	return body, nil
}
