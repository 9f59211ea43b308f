// Package controlplane is Tutti's control plane: it watches policies, compiles
// them and brings each sidecar its configuration.
//
//	watch -> policy.Parse -> compile.Compile -> publish (-> xds) -> sidecars
//
// What cannot be read or compiled never takes away what serves: the last good
// version of a policy stays until it is mended or removed.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"github.com/tutti-mesh/tutti/controlplane/watch"
)

// stopTime bounds how long streams and requests have to end.
const stopTime = 5 * time.Second

// Run serves until ctx is done. It returns nil then, or the error that kept it
// from starting or made it end.
func Run(ctx context.Context, cfg Config) error {
	cfg.setDefaults()
	creds, err := cfg.check()
	if err != nil {
		return err
	}
	good, err := loadGood(cfg.StateDir)
	if err != nil {
		return err
	}
	xdsListener, err := listen("xDS", cfg.XDSAddr)
	if err != nil {
		return err
	}
	defer xdsListener.Close()
	httpListener, err := listen("HTTP", cfg.HTTPAddr)
	if err != nil {
		return err
	}
	defer httpListener.Close()

	asked := ctx
	ctx, cancel := context.WithCancelCause(asked)
	defer cancel(nil)
	p := newPipeline(cfg, good)
	g := newGRPC(creds)
	p.publisher.Register(ctx, g)
	h := &http.Server{Handler: p.handler(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelWarn)}
	addrs := Addrs{XDS: xdsListener.Addr().String(), HTTP: httpListener.Addr().String()}
	cfg.Logger.Info("control plane listening", "xds", addrs.XDS, "http", addrs.HTTP, "policies", cfg.PoliciesDir, "tls", cfg.TLS.CertFile != "")

	var all sync.WaitGroup
	serve := func(name string, f func() error) {
		all.Go(func() {
			if err := f(); err != nil && !errors.Is(err, http.ErrServerClosed) {
				cancel(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	serve("xDS", func() error { return g.Serve(xdsListener) })
	serve("HTTP", func() error { return h.Serve(httpListener) })
	all.Go(func() {
		p.run(ctx, watch.Watch(ctx, cfg.PoliciesDir, watch.Options{Debounce: cfg.Debounce, Poll: cfg.Poll}), addrs)
	})
	<-ctx.Done()
	cfg.Logger.Info("control plane stopping")
	stop(g, h)
	all.Wait()
	if asked.Err() != nil {
		return nil
	}
	return context.Cause(ctx)
}

func (c *Config) setDefaults() {
	if c.XDSAddr == "" {
		c.XDSAddr = DefaultXDSAddr
	}
	if c.HTTPAddr == "" {
		c.HTTPAddr = DefaultHTTPAddr
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}

// check finds what would make no sense to start with.
func (c *Config) check() (credentials.TransportCredentials, error) {
	info, err := os.Stat(c.PoliciesDir)
	if err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("policies: %s is not a directory", c.PoliciesDir)
	}
	creds, err := c.TLS.credentials()
	if err != nil {
		return nil, err
	}
	for _, a := range [][2]string{{"xDS", c.XDSAddr}, {"HTTP", c.HTTPAddr}} {
		if _, _, err := net.SplitHostPort(a[1]); err != nil {
			return nil, fmt.Errorf("%s address %q: want HOST:PORT", a[0], a[1])
		}
	}
	if creds == nil && !c.Insecure && !isLoopback(c.XDSAddr) {
		return nil, fmt.Errorf("xDS address %s is not loopback and would be clear text: configure TLS (--tls-cert, --tls-key, --client-ca), or say --insecure where the network is trusted", c.XDSAddr)
	}
	if !c.Insecure && !isLoopback(c.HTTPAddr) {
		return nil, fmt.Errorf("HTTP address %s is not loopback, and health, metrics and status are clear text: use a loopback address, or say --insecure where the network is trusted", c.HTTPAddr)
	}
	return creds, nil
}

// isLoopback is strict: a name other than localhost may resolve to anything.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func listen(what, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s address: %w", what, err)
	}
	return l, nil
}

func newGRPC(creds credentials.TransportCredentials) *grpc.Server {
	opts := []grpc.ServerOption{
		// A sidecar whose host is gone must not be shown as connected for the two
		// hours of TCP's own keepalive.
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	}
	if creds != nil {
		opts = append(opts, grpc.Creds(creds))
	}
	return grpc.NewServer(opts...)
}

// stop ends what is being served; streams end by their context.
func stop(g *grpc.Server, h *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	late := context.AfterFunc(ctx, g.Stop)
	defer late()
	g.GracefulStop()
	_ = h.Shutdown(ctx)
}
