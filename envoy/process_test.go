package envoy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// start runs a real Envoy until the test ends.
func start(t *testing.T, version, config string) *Process {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "bootstrap.yaml")
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := Start(ProcessConfig{Binary: realEnvoy(t, version).Path, Bootstrap: path, Dir: dir, Concurrency: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(5 * time.Second) })
	return p
}

// within bounds what a test waits for, generously: it only ends what hangs.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// proxy is a plain Envoy before one upstream, ready; it returns its address.
func proxy(t *testing.T, version string, upstream http.Handler) (*Process, string) {
	t.Helper()
	srv := httptest.NewServer(upstream)
	t.Cleanup(srv.Close)
	port := srv.URL[strings.LastIndex(srv.URL, ":")+1:]
	p := start(t, version, fmt.Sprintf(plainEnvoy, "", port))
	if err := p.WaitReady(within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	return p, listenerOf(t, p)
}

func listenerOf(t *testing.T, p *Process) string {
	t.Helper()
	a, err := p.Admin(within(t, time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	_, body, err := a.do(t.Context(), http.MethodGet, "/listeners")
	if err != nil {
		t.Fatal(err)
	}
	_, addr, _ := strings.Cut(strings.TrimSpace(string(body)), "::")
	return "http://" + addr
}

// plainEnvoy has a place for more HTTP filters and the upstream's port.
const plainEnvoy = `
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
static_resources:
  listeners:
  - name: ingress
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          http_filters:
          %s
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: app}}]}]}
  clusters:
  - name: app
    load_assignment: {cluster_name: app, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: %s}}}}]}]}
`

func TestDrainWaitsForRequests(t *testing.T) {
	for _, version := range supported {
		t.Run(version, func(t *testing.T) {
			arrived := make(chan struct{})
			var admin Admin
			p, url := proxy(t, version, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(arrived)
				// The answer comes when Envoy is draining already.
				for state := ""; state != "DRAINING"; {
					var err error
					if _, state, err = admin.Ready(r.Context()); err != nil {
						t.Error(err)
						return
					}
				}
				fmt.Fprint(w, "whole")
			}))
			ctx := within(t, time.Minute)
			var err error
			if admin, err = p.Admin(ctx); err != nil {
				t.Fatal(err)
			}
			answer := make(chan string, 1)
			go func() { answer <- fetch(ctx, url) }()
			<-arrived
			d, err := p.Drain(ctx, DrainOptions{Limit: time.Minute})
			if err != nil || !d.Idle {
				t.Errorf("drain: %+v, %v", d, err)
			}
			if got := <-answer; got != "200 whole close=true" {
				t.Errorf("the request in flight got %q", got)
			}
			p.Stop(5 * time.Second)
			if _, open := <-p.Done(); open {
				t.Error("Stop returned before Envoy had ended")
			}
		})
	}
}

// fetch returns status, body and whether the server asked to close.
func fetch(ctx context.Context, url string) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s close=%v", resp.StatusCode, body, resp.Close)
}

func TestDrainHasALimit(t *testing.T) {
	arrived := make(chan struct{})
	p, url := proxy(t, DefaultVersion, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}))
	ctx := within(t, time.Minute)
	go fetch(ctx, url)
	<-arrived
	d, err := p.Drain(ctx, DrainOptions{Limit: 500 * time.Millisecond})
	if err != nil || d.Idle || d.Left != 1 {
		t.Errorf("got %+v, %v; want one request left", d, err)
	}
	p.Stop(5 * time.Second) // before the upstream's server waits for its connections
}

func TestWaitsForControlPlane(t *testing.T) {
	c := bootstraps["plain"]
	c.XDS.Address = "127.0.0.1:1" // nothing listens there
	raw, err := Bootstrap(c)
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, DefaultVersion, string(raw))
	if _, err := p.Admin(within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	err = p.WaitReady(within(t, time.Second))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "waits for the control plane") {
		t.Errorf("got %v", err)
	}
}

func TestEnvoyEndsUnexpectedly(t *testing.T) {
	t.Run("at once", func(t *testing.T) {
		p := start(t, DefaultVersion, "no_such_field: 1")
		err := p.WaitReady(within(t, time.Minute))
		if err == nil || !strings.Contains(err.Error(), "exit status 1") || !strings.Contains(err.Error(), "no_such_field") {
			t.Errorf("got %v; want Envoy's last words", err)
		}
	})
	t.Run("later", func(t *testing.T) {
		p, _ := proxy(t, DefaultVersion, http.NotFoundHandler())
		if err := syscall.Kill(p.Pid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-p.Done()
		if err := p.Err(); !strings.Contains(err.Error(), "killed") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no such binary", func(t *testing.T) {
		if _, err := Start(ProcessConfig{Binary: "/nonexistent/envoy", Dir: t.TempDir()}); err == nil {
			t.Error("started")
		}
	})
}

func TestRunSidecar(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	c := SidecarConfig{
		Sidecar: sidecar(), XDS: XDS{Address: "127.0.0.1:1"}, Binary: realEnvoy(t, DefaultVersion), Wasm: []byte("\x00asm\x01\x00\x00\x00"),
		StateDir: dir, DrainLimit: time.Minute, Logger: slog.New(slog.DiscardHandler),
	}
	ctx, stop := context.WithCancel(within(t, time.Minute))
	ended := make(chan error, 1)
	go func() { ended <- RunSidecar(ctx, c) }()
	// Ask it to end once Envoy is up, though it was never ready.
	for {
		if raw, err := os.ReadFile(adminFile(dir)); err == nil && len(raw) > 0 {
			break
		}
		if err := ctx.Err(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(pollEvery)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}

	for want, change := range map[string]func(*SidecarConfig){
		"http1 or http2":             func(c *SidecarConfig) { c.Sidecar.AppProtocol = "grpc" },
		"listen: ":                   func(c *SidecarConfig) { c.Sidecar.Listen = "8080" },
		"the sidecar would call":     func(c *SidecarConfig) { c.Sidecar.Listen = c.Sidecar.App },
		"not a Wasm module":          func(c *SidecarConfig) { c.Wasm = nil },
		"starting Envoy":             func(c *SidecarConfig) { c.Binary.Path = "/nonexistent" },
		"an id and a service":        func(c *SidecarConfig) { c.Sidecar.Service = "" },
		"no-such-flag":               func(c *SidecarConfig) { c.Args = []string{"--no-such-flag"} },
		"needs the CA that verifies": func(c *SidecarConfig) { c.XDS.CertFile, c.XDS.KeyFile = "a", "b" },
	} {
		bad := c
		change(&bad)
		if err := RunSidecar(within(t, time.Minute), bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}
