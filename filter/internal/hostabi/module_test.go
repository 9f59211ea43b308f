package hostabi_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tutti-mesh/tutti/filter/sim/wasmhost"
)

// probe builds testdata/probe as the filter is built and compiles it.
func probe(t *testing.T) *wasmhost.Module {
	t.Helper()
	file := filepath.Join(t.TempDir(), "probe.wasm")
	build := exec.Command("go", "build", "-trimpath", "-buildmode=c-shared", "-o", file, "./testdata/probe")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the probe: %v\n%s", err, out)
	}
	wasm, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasmhost.Compile(wasm)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestModule(t *testing.T) {
	m := probe(t)
	run := func(name string, test func(t *testing.T, vm *wasmhost.VM)) {
		t.Run(name, func(t *testing.T) { test(t, m.NewVM(t)) })
	}
	run("configuration", testConfiguration)
	run("requests", testRequests)
	run("bodies", testBodies)
	run("calls", testCalls)
	run("client leaves", testClientLeaves)
	run("panics", testPanics)
	run("memory is flat", testMemory)
}

func get(path string) wasmhost.Request {
	return wasmhost.Request{Headers: [][2]string{{":method", "GET"}, {":path", path}, {":authority", "a"}}}
}

func wantReply(t *testing.T, s *wasmhost.Stream, status int, body string) {
	t.Helper()
	if s.Reply == nil {
		t.Fatalf("no reply, the request is %v", s.State)
	}
	if s.Reply.Status != status || string(s.Reply.Body) != body {
		t.Errorf("got %d %q, want %d %q", s.Reply.Status, s.Reply.Body, status, body)
	}
}

func testConfiguration(t *testing.T, vm *wasmhost.VM) {
	first := vm.Configure([]byte("first"))
	if vm.Configure([]byte("refuse")) != nil || vm.Configure([]byte("panic")) != nil {
		t.Error("a configuration was taken that the plugin refuses")
	}
	second := vm.Configure([]byte(strings.Repeat("second", 20_000)))
	a, b := first.Request(get("/config")), second.Request(get("/config"))
	wantReply(t, a, 200, "first")
	wantReply(t, b, 200, strings.Repeat("second", 20_000))
	a.End()
	first.Close()
	wantReply(t, second.Request(get("/config")), 200, strings.Repeat("second", 20_000))
	if empty := vm.Configure([]byte{}); empty == nil {
		t.Error("an empty configuration was refused")
	}
}

func testRequests(t *testing.T, vm *wasmhost.VM) {
	p := vm.Configure([]byte("x"))
	if on := p.Request(get("/on")); on.State != wasmhost.Continued {
		t.Errorf("the request is %v", on.State)
	}
	r := get("/property")
	r.Properties = map[string]string{"xds.route_name": "product-page"}
	s := p.Request(r)
	wantReply(t, s, 200, "product-page true")
	if s.FilterState["probe"] != "product-page" {
		t.Errorf("filter state: %q", s.FilterState)
	}
	wantReply(t, p.Request(get("/property")), 200, " false")
	wantReply(t, p.Request(get("/reply-twice")), 200, "first")

	vm.Advance(1500 * time.Millisecond)
	a, b := p.Request(get("/clock")), p.Request(get("/clock"))
	if string(a.Reply.Body) == string(b.Reply.Body) {
		t.Errorf("the same random number twice: %s", a.Reply.Body)
	}
	want := uint64(time.Hour + 1500*time.Millisecond)
	if got := vm.Metrics["clock"].Recorded; !slices.Equal(got, []uint64{want, want}) {
		t.Errorf("clock: %d, want %d", got, want)
	}
}

func testBodies(t *testing.T, vm *wasmhost.VM) {
	p := vm.Configure([]byte("x"))
	r := get("/body")
	r.More = true
	s := p.Request(r)
	s.Body([]byte("one "), false)
	s.Body([]byte("two"), true)
	wantReply(t, s, 200, "one two")

	r.Headers[1][1] = "/drop"
	s = p.Request(r)
	s.Body([]byte("forgotten"), false)
	s.Body([]byte("last"), true)
	wantReply(t, s, 200, "last")
	r.Headers[1][1] = "/body"

	s = p.Request(r)
	s.Body([]byte("before trailers"), false)
	s.Trailers([][2]string{{"x", "y"}})
	wantReply(t, s, 200, "before trailers")

	s = p.Request(r)
	s.Body(nil, true)
	wantReply(t, s, 200, "")
}

func testCalls(t *testing.T, vm *wasmhost.VM) {
	p := vm.Configure([]byte("x"))
	a, b := p.Request(get("/calls/3")), p.Request(get("/calls/1"))
	calls := vm.Calls()
	if len(calls) != 4 || string(calls[2].Body) != "ask 2" || calls[2].Header(":path") != "/2" || calls[2].TimeoutMS != 100 {
		t.Fatalf("calls: %+v", calls)
	}
	calls[3].Answer([][2]string{{":status", "503"}}, nil)
	wantReply(t, b, 200, "0:503:")
	b.End()
	calls[2].Answer([][2]string{{":status", "200"}}, []byte("c"))
	calls[0].Reset()
	calls[1].Answer([][2]string{{":status", "404"}}, []byte("b"))
	wantReply(t, a, 200, "2:200:c0:reset:1:404:b")
	a.End()

	vm.FailDispatch = func(string) bool { return true }
	wantReply(t, p.Request(get("/calls/1")), 200, "not dispatched")
}

func testClientLeaves(t *testing.T, vm *wasmhost.VM) {
	p := vm.Configure([]byte("x"))
	gone, stays := p.Request(get("/calls/2")), p.Request(get("/calls/1"))
	calls := vm.Calls()
	calls[0].Answer([][2]string{{":status", "200"}}, nil)
	gone.End()
	calls[1].Answer([][2]string{{":status", "200"}}, nil)
	calls[2].Answer([][2]string{{":status", "200"}}, nil)
	wantReply(t, stays, 200, "0:200:")
	stays.End()
	if gone.Reply != nil || vm.Streams() != 0 {
		t.Errorf("reply %v, %d streams", gone.Reply, vm.Streams())
	}
	p.Close()
}

func testPanics(t *testing.T, vm *wasmhost.VM) {
	p := vm.Configure([]byte("x"))
	other := p.Request(get("/calls/1"))

	s := p.Request(get("/panic"))
	wantReply(t, s, 500, "assignment to entry in nil map")
	s.End()
	wantReply(t, p.Request(get("/panic-nil")), 500, "runtime error: invalid memory address or nil pointer dereference")
	wantReply(t, p.Request(get("/panic-index")), 500, "runtime error: index out of range [12] with length 0")
	wantReply(t, p.Request(get("/panic-twice")), 500, "")
	wantReply(t, vm.Configure([]byte("no streams")).Request(get("/")), 500, "")
	wantReply(t, p.Request(get("/panic-after-reply")), 200, "first")
	s = p.Request(get("/panic-answer"))
	vm.Calls()[1].Answer([][2]string{{":status", "200"}}, nil)
	wantReply(t, s, 500, "answer")
	s.End()

	vm.Calls()[0].Answer([][2]string{{":status", "200"}}, []byte("fine"))
	wantReply(t, other, 200, "0:200:fine")
	if n := vm.Metrics["panics"].Value; n != 7 {
		t.Errorf("%d panics", n)
	}
	found := slices.ContainsFunc(vm.Logs, func(l wasmhost.Log) bool {
		return l.Level == 5 && strings.Contains(l.Message, "nil map") && strings.Contains(l.Message, "main.(*stream).RequestHeaders")
	})
	if !found {
		t.Errorf("no log line has the panic and where it was: %+v", vm.Logs)
	}
}

func testMemory(t *testing.T, vm *wasmhost.VM) {
	p := vm.Configure([]byte("x"))
	body := []byte(strings.Repeat("x", 67_000))
	request := func() {
		s := p.Request(get("/calls/3"))
		for _, c := range vm.Calls() {
			c.Answer([][2]string{{":status", "200"}}, body)
		}
		if len(s.Reply.Body) != 3*(len(body)+len("0:200:")) {
			t.Fatalf("%d bytes", len(s.Reply.Body))
		}
		s.End()
	}
	for range 200 {
		request()
	}
	before := vm.MemoryBytes()
	for range 2000 {
		request()
	}
	if after := vm.MemoryBytes(); after != before {
		t.Errorf("memory grew from %d to %d bytes over 2,000 requests", before, after)
	}
}
