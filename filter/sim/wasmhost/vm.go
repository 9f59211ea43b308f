package wasmhost

import (
	"bytes"
	"context"
	"fmt"
	"math/rand"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// T is the part of testing.TB that a VM reports to.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// VM is one running instance of the module.
type VM struct {
	// Logs are the lines that the filter logged, and what Go printed to stderr.
	Logs []Log
	// Metrics have the names that the filter gave them.
	Metrics map[string]*Metric
	// CutMaps hands over header maps that end too early, and single headers in
	// memory that the filter has not allocated. No Envoy does that: it
	// makes the filter panic, to see what becomes of the request and its
	// neighbours.
	CutMaps bool
	// FailDispatch, if set, says which calls fail at once, as those to a cluster
	// that Envoy does not know.
	FailDispatch func(cluster string) bool

	t        T
	ctx      context.Context
	instance api.Module
	allocate api.Function
	stderr   bytes.Buffer
	now      time.Duration
	tickMS   uint32

	nextID      uint32
	plugins     map[uint32]*Plugin
	streams     map[uint32]*Stream
	calls       []*Call
	metricNames []string

	// What Envoy keeps in thread-local variables: the context of the running
	// callback, the one the filter set in its place, the answer or the
	// configuration that the callback is about.
	current, effective uint32
	answering          *Call
	configuring        []byte
}

// Log is one line.
type Log struct {
	// Level is the ABI's: 0 trace, 1 debug, 2 info, 3 warn, 4 error, 5 critical.
	Level   int
	Message string
}

// Metric is a counter's value, or a histogram's recorded values.
type Metric struct {
	Kind     int
	Value    int64
	Recorded []uint64
}

type vmKey struct{}

// NewVM starts an instance. It ends with the test.
func (m *Module) NewVM(t T) *VM {
	t.Helper()
	vm := &VM{
		t: t, Metrics: map[string]*Metric{}, plugins: map[uint32]*Plugin{}, streams: map[uint32]*Stream{},
		now: time.Hour,
	}
	vm.ctx = context.WithValue(context.Background(), vmKey{}, vm)
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions().
		WithNanotime(func() int64 { return int64(vm.now) }, 1).
		WithWalltime(func() (int64, int32) { return 1_700_000_000, 0 }, 1000).
		WithNanosleep(func(int64) { t.Errorf("wasmhost: the filter sleeps") }).
		WithRandSource(rand.New(rand.NewSource(1))).
		WithStderr(&vm.stderr).WithStdout(&vm.stderr)
	instance, err := m.runtime.InstantiateModule(vm.ctx, m.compiled, config)
	if err != nil {
		t.Fatalf("wasmhost: start the module: %v", err)
	}
	vm.instance = instance
	t.Cleanup(func() { _ = instance.Close(vm.ctx) })
	vm.allocate = instance.ExportedFunction("proxy_on_memory_allocate")
	if vm.allocate == nil || instance.ExportedFunction("proxy_abi_version_0_2_0") == nil {
		t.Fatalf("wasmhost: the module does not export ABI 0.2.0 and proxy_on_memory_allocate")
	}
	vm.call("_initialize", 0)
	return vm
}

// Advance moves the monotonic clock.
func (vm *VM) Advance(d time.Duration) { vm.now += d }

// MemoryBytes is the size of the VM's linear memory.
func (vm *VM) MemoryBytes() int { return int(vm.instance.Memory().Size()) }

// Plugin is a configuration in a VM, the root context of its streams.
type Plugin struct {
	vm *VM
	id uint32
}

// Configure offers a configuration. It returns nil if the filter refuses it;
// plugins that were made before keep running, as in Envoy.
func (vm *VM) Configure(config []byte) *Plugin {
	vm.t.Helper()
	p := &Plugin{vm: vm, id: vm.newID()}
	vm.plugins[p.id] = p
	vm.configuring = config
	vm.call("proxy_on_context_create", p.id, uint64(p.id), 0)
	started := vm.call("proxy_on_vm_start", p.id, uint64(p.id), 0) != 0 &&
		vm.call("proxy_on_configure", p.id, uint64(p.id), uint64(len(config))) != 0
	vm.configuring = nil
	if !started {
		p.Close()
		return nil
	}
	return p
}

// Close ends the plugin; its streams must have ended before.
func (p *Plugin) Close() {
	p.vm.t.Helper()
	for _, s := range p.vm.streams {
		if s.plugin == p {
			p.vm.t.Fatalf("wasmhost: the plugin is closed before its stream %d", s.id)
		}
	}
	p.vm.call("proxy_on_delete", p.id, uint64(p.id))
	delete(p.vm.plugins, p.id)
}

// Tick lets the plugin's timer fire.
func (p *Plugin) Tick() {
	p.vm.t.Helper()
	if p.vm.tickMS == 0 {
		p.vm.t.Fatalf("wasmhost: the plugin has set no timer")
	}
	p.vm.call("proxy_on_tick", p.id, uint64(p.id))
}

// Calls are the calls that wait for their answers, oldest first.
func (vm *VM) Calls() []*Call { return append([]*Call(nil), vm.calls...) }

// Streams is how many requests the VM knows.
func (vm *VM) Streams() int { return len(vm.streams) }

func (vm *VM) newID() uint32 {
	vm.nextID++
	return vm.nextID
}

// call makes one callback in a context. It returns 0 for one that the module
// does not export or that returns nothing.
func (vm *VM) call(name string, contextID uint32, args ...uint64) uint64 {
	vm.t.Helper()
	f := vm.instance.ExportedFunction(name)
	if f == nil {
		return 0
	}
	vm.current, vm.effective = contextID, 0
	results, err := f.Call(vm.ctx, args...)
	vm.current, vm.effective = 0, 0
	if vm.stderr.Len() > 0 {
		vm.Logs = append(vm.Logs, Log{Level: 3, Message: vm.stderr.String()})
		vm.stderr.Reset()
	}
	if err != nil {
		vm.t.Fatalf("wasmhost: the VM died in %s: %v\n%s", name, err, vm.dump())
	}
	if len(results) == 0 {
		return 0
	}
	return results[0]
}

// violation reports what no filter may do.
func (vm *VM) violation(format string, args ...any) {
	vm.t.Helper()
	vm.t.Errorf("wasmhost: %s (in a callback of context %d)", fmt.Sprintf(format, args...), vm.current)
}

func (vm *VM) dump() string {
	var b bytes.Buffer
	for _, l := range vm.Logs {
		fmt.Fprintf(&b, "  log[%d] %s\n", l.Level, l.Message)
	}
	return b.String()
}
