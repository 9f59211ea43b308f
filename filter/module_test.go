package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tutti-mesh/tutti/filter/plan"
	"github.com/tutti-mesh/tutti/filter/sim"
	"github.com/tutti-mesh/tutti/filter/sim/wasmhost"
)

// build builds the module from dir as the Makefile does, with more in its
// environment.
func build(dir, output string, env ...string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared", "-ldflags=-s -w", "-o", output, "./filter")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	cmd.Env = append(cmd.Env, env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return &buildError{err, stderr.String()}
	}
	return nil
}

type buildError struct {
	err    error
	stderr string
}

func (e *buildError) Error() string { return "build the module: " + e.err.Error() + "\n" + e.stderr }

// module is built once for all tests.
var module = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "tutti-module")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "tutti.wasm")
	if err := build("..", file); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

func moduleBytes(t *testing.T) []byte {
	t.Helper()
	wasm, err := module()
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

func compiled(t *testing.T) *wasmhost.Module {
	t.Helper()
	m, err := wasmhost.Compile(moduleBytes(t))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Envoy makes no call for a callback that is missing, so each one here is a
// cost on every request; and one that is missing here is silently never called.
var wantExports = []string{
	"_initialize",
	"proxy_abi_version_0_2_0",
	"proxy_on_configure",
	"proxy_on_context_create",
	"proxy_on_delete",
	"proxy_on_http_call_response",
	"proxy_on_log",
	"proxy_on_memory_allocate",
	"proxy_on_request_body",
	"proxy_on_request_headers",
	"proxy_on_request_trailers",
	"proxy_on_tick",
	"proxy_on_vm_start",
}

func TestExports(t *testing.T) {
	got := compiled(t).Exports()
	slices.Sort(got)
	if !slices.Equal(got, wantExports) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(wantExports, "\n"))
	}
}

// envoy136 is what Envoy 1.36 offers to a module of ABI 0.2.0: proxy-wasm-cpp-host
// at commit c4d7bb0 (include/proxy-wasm/exports.h, src/wasm.cc). A module that
// imports more fails to load. The WASI functions that 1.39 added are not here.
var envoy136 = map[string]string{
	"env": `log get_status set_property get_property send_local_response get_shared_data set_shared_data
		register_shared_queue resolve_shared_queue dequeue_shared_queue enqueue_shared_queue get_header_map_value
		add_header_map_value replace_header_map_value remove_header_map_value get_header_map_pairs set_header_map_pairs
		get_header_map_size get_buffer_status get_buffer_bytes set_buffer_bytes http_call grpc_call grpc_stream
		grpc_close grpc_cancel grpc_send set_tick_period_milliseconds get_current_time_nanoseconds define_metric
		increment_metric record_metric get_metric set_effective_context done call_foreign_function continue_stream
		close_stream`,
	"wasi_snapshot_preview1": `fd_write fd_read fd_seek fd_close fd_fdstat_get fd_fdstat_set_flags environ_get
		environ_sizes_get args_get args_sizes_get clock_time_get random_get sched_yield poll_oneoff proc_exit path_open
		fd_prestat_get fd_prestat_dir_name`,
}

// wantProxyImports are the functions of Envoy that the filter uses; a new one
// is a decision, and the strict host of the tests has to learn it.
var wantProxyImports = []string{
	"env.proxy_define_metric",
	"env.proxy_get_buffer_bytes",
	"env.proxy_get_header_map_pairs",
	"env.proxy_get_header_map_value",
	"env.proxy_get_property",
	"env.proxy_http_call",
	"env.proxy_increment_metric",
	"env.proxy_log",
	"env.proxy_record_metric",
	"env.proxy_send_local_response",
	"env.proxy_set_effective_context",
	"env.proxy_set_property",
	"env.proxy_set_tick_period_milliseconds",
}

func TestImports(t *testing.T) {
	offered := map[string]bool{}
	for module, names := range envoy136 {
		for _, name := range strings.Fields(names) {
			if module == "env" {
				name = "proxy_" + name
			}
			offered[module+"."+name] = true
		}
	}
	var proxy []string
	for _, name := range compiled(t).Imports() {
		if !offered[name] {
			t.Errorf("the module imports %s, which Envoy 1.36 does not have: it would not load", name)
		}
		if strings.HasPrefix(name, "env.") {
			proxy = append(proxy, name)
		}
	}
	slices.Sort(proxy)
	if !slices.Equal(proxy, wantProxyImports) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(proxy, "\n"), strings.Join(wantProxyImports, "\n"))
	}
}

// A sidecar holds about 18 bytes of memory for each byte of the module.
const (
	minModuleBytes = 2_000_000 // less is a module without its SDK, engine or Go runtime
	maxModuleBytes = 3_000_000
)

func TestSize(t *testing.T) {
	if size := len(moduleBytes(t)); size < minModuleBytes || size > maxModuleBytes {
		t.Errorf("the module has %d bytes, want %d to %d", size, minModuleBytes, maxModuleBytes)
	}
}

// TestReproducible builds a copy of the source elsewhere and all of it anew
// (some ten seconds): the bytes must not depend on where and when they were
// built.
func TestReproducible(t *testing.T) {
	copied := t.TempDir()
	for _, f := range []string{"go.mod", "go.sum"} {
		copyFile(t, filepath.Join("..", f), filepath.Join(copied, f))
	}
	if err := os.CopyFS(filepath.Join(copied, "filter"), os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "tutti.wasm")
	if err := build(copied, file, "GOCACHE="+t.TempDir()); err != nil {
		t.Fatal(err)
	}
	again, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, moduleBytes(t)) {
		t.Error("two builds of the same source differ")
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestScenarios plays sim's scenarios on the module. The transcripts are those
// of the native engine (sim's own test rewrites them).
func TestScenarios(t *testing.T) {
	m := compiled(t)
	files, err := filepath.Glob("sim/testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios in sim/testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			rawPlan, script := scenario(t, file)
			d := wasmhost.NewDriver(m.NewVM(t))
			if err := d.Configure(rawPlan); err != nil {
				t.Fatal(err)
			}
			got, err := sim.Run(script, d)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, script) {
				t.Errorf("the module and the native engine differ; the module:\n%s", got)
			}
		})
	}
}

// TestPushes: a VM lives as long as its Envoy worker, and linear memory never
// shrinks.
func TestPushes(t *testing.T) {
	raw, _ := scenario(t, "sim/testdata/happy.txt")
	decoded, err := plan.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	first := decoded.Policies[0]
	for i := len(plan.Encode(decoded)); i < 20_000; i = len(plan.Encode(decoded)) {
		next := first
		next.Name += "-" + strconv.Itoa(i)
		decoded.Policies = append(decoded.Policies, next)
	}
	vm := compiled(t).NewVM(t)
	request := wasmhost.Request{Headers: [][2]string{{":method", "GET"}, {":path", "/products/42"}, {":authority", "a"}}}
	push := func(i int) {
		decoded.Policies[0].TimeoutMS = uint32(1000 + i)
		p := vm.Configure(plan.Encode(decoded))
		if p == nil {
			t.Fatalf("push %d was refused: %+v", i, vm.Logs)
		}
		s := p.Request(request)
		for _, c := range vm.Calls() {
			c.Answer([][2]string{{":status", "200"}, {"tutti-upstream", "200"}}, []byte(`{"id":1,"items":[],"count":1}`))
		}
		if s.Reply == nil || s.Reply.Status != 200 {
			t.Fatalf("push %d: reply %+v", i, s.Reply)
		}
		s.End()
		p.Close()
	}
	for i := range 50 {
		push(i)
	}
	before := vm.MemoryBytes()
	for i := range 150 {
		push(50 + i)
	}
	// Were they kept, the plans alone would be 3 MB.
	if after := vm.MemoryBytes(); after > before+1<<20 {
		t.Errorf("memory grew from %d to %d bytes over 150 pushes", before, after)
	}
}

// TestBodyThatStalls: a body that does not come is answered when the budget is
// over, although nothing arrives for its request.
func TestBodyThatStalls(t *testing.T) {
	vm := compiled(t).NewVM(t)
	raw, _ := scenario(t, "sim/testdata/body.txt")
	p := vm.Configure(raw)
	request := wasmhost.Request{Headers: [][2]string{{":method", "POST"}, {":path", "/orders"}, {":authority", "a"}}, More: true}
	stalled, gone, later := p.Request(request), p.Request(request), p.Request(request)
	stalled.Body([]byte(`{`), false)
	gone.End()
	p.Tick()
	if stalled.Reply != nil {
		t.Fatalf("answered before its time: %+v", stalled.Reply)
	}
	vm.Advance(900 * time.Millisecond)
	fresh := p.Request(request)
	p.Tick()
	for name, s := range map[string]*wasmhost.Stream{"stalled": stalled, "without a byte": later} {
		if s.Reply == nil || s.Reply.Status != 408 || !strings.Contains(string(s.Reply.Body), `"reason":"timeout"`) {
			t.Errorf("%s: %v %+v", name, s.State, s.Reply)
		}
		s.End()
	}
	fresh.Body([]byte(`{"item":1}`), true)
	if len(vm.Calls()) != 1 {
		t.Errorf("the request that came later made %d calls", len(vm.Calls()))
	}
	p.Tick()
	fresh.End()
	p.Close()
}

// TestPanic: a defect of the filter fails one request with 500 and an incident
// that the log has too, and nothing else.
func TestPanic(t *testing.T) {
	vm := compiled(t).NewVM(t)
	raw, _ := scenario(t, "sim/testdata/happy.txt")
	p := vm.Configure(raw)
	request := wasmhost.Request{Headers: [][2]string{{":method", "GET"}, {":path", "/products/42"}, {":authority", "a"}}}
	status := [][2]string{{":status", "200"}, {"tutti-upstream", "200"}}
	body := []byte(`{"id":1,"items":[],"count":1}`)

	other, hit := p.Request(request), p.Request(request)
	calls := vm.Calls()
	vm.CutMaps = true
	calls[3].Answer(status, body)
	atOnce := p.Request(request)
	vm.CutMaps = false
	for i, c := range calls {
		if i != 3 {
			c.Answer(status, body)
		}
	}
	if other.Reply == nil || other.Reply.Status != 200 {
		t.Errorf("the other request: %v %+v", other.State, other.Reply)
	}
	for name, s := range map[string]*wasmhost.Stream{"in an answer": hit, "at once": atOnce} {
		if s.Reply == nil || s.Reply.Status != 500 || s.Reply.Header("content-type") != "application/problem+json" {
			t.Fatalf("panic %s: %v %+v", name, s.State, s.Reply)
		}
		_, incident, _ := strings.Cut(string(s.Reply.Body), "incident ")
		incident, _, _ = strings.Cut(incident, `"`)
		if len(incident) < 8 || !slices.ContainsFunc(vm.Logs, func(l wasmhost.Log) bool {
			return l.Level == 5 && strings.Contains(l.Message, "incident "+incident+": panic: ") && strings.Contains(l.Message, ".go:")
		}) {
			t.Errorf("panic %s: incident %q is not in the log: %+v", name, incident, vm.Logs)
		}
		if got := s.FilterState["tutti.outcome"]; got != "panic" {
			t.Errorf("panic %s: outcome %q", name, got)
		}
		s.End()
	}
	other.End()
	p.Tick() // counters reach Envoy with the timer
	for name, want := range map[string]int64{
		"tutti.panics": 2, "tutti.streams": 3, "tutti.requests.product-page.panic": 1, "tutti.requests.-.panic": 1,
		"tutti.requests.product-page.ok": 1, "tutti.steps.product-page.stock.ok": 1, "tutti.answer_bytes.product-page": 87,
	} {
		if m := vm.Metrics[name]; m == nil || m.Value != want {
			t.Errorf("%s: %+v, want %d", name, m, want)
		}
	}
	p.Close()
}

func scenario(t *testing.T, file string) (rawPlan, script []byte) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rawPlan, script, ok := bytes.Cut(raw, []byte("\n-----\n"))
	if !ok {
		t.Fatalf("%s: no line -----", file)
	}
	if other, ok := bytes.CutPrefix(bytes.TrimSpace(rawPlan), []byte("plan of ")); ok {
		rawPlan, _ = scenario(t, filepath.Join(filepath.Dir(file), string(other)))
	}
	return rawPlan, script
}
