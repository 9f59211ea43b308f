package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
)

// bench is one run: what is under test and around it.
type bench struct {
	o        options
	farm     *farm
	report   report
	cells    []*cell
	parts    map[string]bool // of memory, by name
	progress io.Writer

	upstreams []string // host:port
	// aggregator is the hand-written one.
	aggregator     *child
	aggregatorAddr string
	// control is where the control plane listens.
	controlXDS, controlHTTP string
}

// policiesDir is what `tutti serve` watches.
func (b *bench) policiesDir() string { return filepath.Join(b.farm.dir, "policies") }

// newBench starts all that is around the Envoys.
func newBench(ctx context.Context, o options, progress io.Writer) (b *bench, err error) {
	b = &bench{o: o, progress: progress}
	b.chooseCells()
	needed := []string{o.fortio}
	if b.needsTutti() {
		needed = append(needed, o.tutti)
	} else if o.envoy == "" {
		return b, errors.New("give -envoy: there is no sidecar in this selection to find one")
	}
	for _, binary := range needed {
		if _, err := exec.LookPath(binary); err != nil {
			return b, fmt.Errorf("%w: `make bench` builds it", err)
		}
	}
	dir, err := os.MkdirTemp("", "tutti-bench-")
	if err != nil {
		return b, err
	}
	b.farm = &farm{ctx: ctx, dir: dir}
	defer func() {
		if err != nil {
			b.stop()
		}
	}()
	upstream, addresses, err := b.farm.startListening(upstreams, "upstream")
	if err != nil {
		return b, err
	}
	_, b.upstreams = upstream, addresses
	c, addresses, err := b.farm.startListening(1, append([]string{"aggregator"}, b.upstreams...)...)
	if err != nil {
		return b, err
	}
	b.aggregator, b.aggregatorAddr = c, addresses[0]
	if b.needsTutti() {
		return b, b.startControl()
	}
	return b, nil
}

func (b *bench) stop() {
	b.farm.stopAll()
	os.RemoveAll(b.farm.dir)
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.progress, "bench: "+format+"\n", args...)
}

// startControl runs `tutti serve`.
func (b *bench) startControl() error {
	if err := os.MkdirAll(b.policiesDir(), 0o755); err != nil {
		return err
	}
	if err := b.writePolicy("bench.yaml", benchPolicies(b.upstreams)); err != nil {
		return err
	}
	xds, err1 := b.farm.port()
	http, err2 := b.farm.port()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	b.controlXDS, b.controlHTTP = address(xds), address(http)
	c, err := b.farm.start("serve", nil, b.o.tutti, "serve", "--policies", b.policiesDir(),
		"--xds-addr", b.controlXDS, "--http-addr", b.controlHTTP)
	if err != nil {
		return err
	}
	return b.farm.poll(c, "the control plane", func() (bool, error) {
		_, err := get(b.farm.ctx, "http://"+b.controlHTTP+"/readyz")
		return err == nil, err
	})
}

// writePolicy replaces a policy file at once, as an editor or Kubernetes does.
func (b *bench) writePolicy(name, text string) error {
	next := filepath.Join(b.farm.dir, name+".next")
	if err := os.WriteFile(next, []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(b.policiesDir(), name))
}

// The services that sidecars stand for: one for the table, one for memory.
const (
	tableService  = "bench"
	memoryService = "memory"
)

// benchPolicies has one aggregation for each size, at /agg/SIZE.
func benchPolicies(addresses []string) string {
	var y strings.Builder
	for i, addr := range addresses {
		fmt.Fprintf(&y, "apiVersion: tutti.dev/v1alpha1\nkind: Upstream\nmetadata: {name: up-%s}\nspec: {endpoints: [%q]}\n---\n", letter(i), addr)
	}
	for _, s := range sizes {
		fmt.Fprintf(&y, "apiVersion: tutti.dev/v1alpha1\nkind: Aggregation\nmetadata: {name: agg-%s}\nspec:\n", s.name)
		fmt.Fprintf(&y, "  targetRefs: [{kind: Service, name: %s}, {kind: Service, name: %s}]\n", tableService, memoryService)
		fmt.Fprintf(&y, "  match: {methods: [GET], path: /agg/%s}\n  calls:\n", s.name)
		for i := range s.calls {
			fmt.Fprintf(&y, "  - {name: %s, upstream: up-%[1]s, path: /v1/%s}\n", letter(i), s.name)
		}
		y.WriteString("  response:\n    body:\n")
		for i := range s.calls {
			fmt.Fprintf(&y, "      %s: ${steps.%[1]s.body}\n", letter(i))
		}
		y.WriteString("---\n")
	}
	return y.String()
}

// proxy is an Envoy under test.
type proxy struct {
	child *child // that was started: Envoy or its `tutti sidecar`
	pid   int    // of Envoy
	admin string // URL
	url   string // of its listener
	bare  string // of the second listener of a plain Envoy
}

// startSidecar runs `tutti sidecar` and waits until it serves.
func (b *bench) startSidecar(name, service string, workers int) (*proxy, error) {
	listen, err1 := b.farm.port()
	admin, err2 := b.farm.port()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	args := []string{b.o.tutti, "sidecar", "--service", service, "--listen", address(listen), "--app", b.upstreams[0],
		"--xds", b.controlXDS, "--admin", address(admin), "--concurrency", strconv.Itoa(workers),
		"--drain-time", "0s", "--drain-limit", "1s", "--state-dir", filepath.Join(b.farm.dir, name)}
	if b.o.envoy != "" {
		args = append(args, "--envoy", b.o.envoy)
	}
	c, err := b.farm.start(name, nil, args...)
	if err != nil {
		return nil, err
	}
	p := &proxy{child: c, admin: "http://" + address(admin), url: "http://" + address(listen)}
	if err := b.waitServing(p, "/agg/1k"); err != nil {
		return nil, err
	}
	pids := childrenOf(c.cmd.Process.Pid)
	if len(pids) != 1 {
		return nil, c.trouble(fmt.Errorf("%s has %d children, not one Envoy", name, len(pids)))
	}
	p.pid = pids[0]
	if b.o.envoy == "" {
		b.o.envoy, err = os.Readlink(fmt.Sprintf("/proc/%d/exe", p.pid))
	}
	return p, err
}

//go:embed envoy.yaml.tmpl
var plainTemplate string

// startPlain runs an Envoy without Tutti.
func (b *bench) startPlain(name string, workers int) (*proxy, error) {
	var values struct {
		Admin, Plain, Bare int
		Clusters           map[string]string
	}
	var err1, err2, err3 error
	values.Admin, err1 = b.farm.port()
	values.Plain, err2 = b.farm.port()
	values.Bare, err3 = b.farm.port()
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	port := func(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }
	values.Clusters = map[string]string{"aggregator": port(b.aggregatorAddr)}
	for i, addr := range b.upstreams {
		values.Clusters[letter(i)] = port(addr)
	}
	var config bytes.Buffer
	if err := template.Must(template.New("").Parse(plainTemplate)).Execute(&config, values); err != nil {
		return nil, err
	}
	path := filepath.Join(b.farm.dir, name+".yaml")
	if err := os.WriteFile(path, config.Bytes(), 0o644); err != nil {
		return nil, err
	}
	c, err := b.farm.start(name, nil, b.o.envoy, "--config-path", path, "--concurrency", strconv.Itoa(workers),
		"--disable-hot-restart", "--log-level", "warning")
	if err != nil {
		return nil, err
	}
	p := &proxy{child: c, pid: c.cmd.Process.Pid, admin: "http://" + address(values.Admin),
		url: "http://" + address(values.Plain), bare: "http://" + address(values.Bare)}
	return p, b.waitServing(p, "/agg/1k")
}

// waitServing waits for a composed answer of all parts: the plan is there, the
// clusters are, and the connections work.
func (b *bench) waitServing(p *proxy, path string) error {
	err := b.farm.poll(p.child, p.child.name+" serves "+path, func() (bool, error) {
		_, err := checkAll(b.farm.ctx, p.url+path, sizes[0])
		return err == nil, err
	})
	if err != nil {
		return err
	}
	return b.noteVersion(p)
}

// streams is how many requests have entered the filter of an Envoy.
func (b *bench) streams(p *proxy) (int, error) {
	const stat = "wasmcustom.tutti.streams"
	body, err := get(b.farm.ctx, p.admin+"/stats?format=json&filter=^"+stat+"$")
	if err != nil {
		return 0, err
	}
	var found struct {
		Stats []struct {
			Name  string
			Value int
		}
	}
	if err := json.Unmarshal(body, &found); err != nil {
		return 0, fmt.Errorf("stats: %w", err)
	}
	for _, s := range found.Stats {
		if s.Name == stat {
			return s.Value, nil
		}
	}
	return 0, nil
}

// noteVersion puts into the report what Envoy says of itself: 1.40.0.
func (b *bench) noteVersion(p *proxy) error {
	body, err := get(b.farm.ctx, p.admin+"/server_info")
	if err != nil {
		return err
	}
	var info struct{ Version string }
	if err := json.Unmarshal(body, &info); err != nil {
		return fmt.Errorf("server_info: %w", err)
	}
	b.report.Machine.Envoy = info.Version
	// COMMIT/VERSION/...
	if parts := strings.Split(info.Version, "/"); len(parts) > 1 {
		b.report.Machine.Envoy = parts[1]
	}
	return nil
}
