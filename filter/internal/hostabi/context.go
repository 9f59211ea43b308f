package hostabi

import (
	"github.com/tetratelabs/proxy-wasm-go-sdk/proxywasm"
	"github.com/tetratelabs/proxy-wasm-go-sdk/proxywasm/types"
)

// Plugin is one configuration of the filter in one VM.
type Plugin interface {
	// Configure takes the configuration, in a padded buffer that it may keep.
	// False refuses it: Envoy keeps the last one and answers with a NACK.
	Configure(config []byte) bool
	// NewStream begins a request.
	NewStream() Stream
	// Flush is called every FlushPeriod and before the plugin ends: what was
	// gathered for Envoy is to be handed over.
	Flush()
	// Panicked is called once after a callback of s has panicked; s is nil if
	// NewStream did. No further callback reaches the stream, whose state is
	// unknown. Panicked may Reply; if it does not, a request that waits for an
	// answer gets a bare 500.
	Panicked(s Stream, value, stack string)
}

// Stream is one request. Its methods run one at a time.
type Stream interface {
	// RequestHeaders come first. If endOfStream, nothing follows.
	RequestHeaders(endOfStream bool) Action
	// RequestBody reports how many bytes Envoy holds of the body.
	RequestBody(size int, endOfStream bool) Action
	// RequestTrailers end a request that has them; the body is whole then.
	RequestTrailers() Action
	// Tick comes with every Flush to a stream that asked for it with Wake.
	Tick()
	// Answer delivers what came back of the call with the id. Its headers and
	// body can be read only during this callback.
	Answer(id, numHeaders, bodySize int)
	// Done is the last callback: answered, or the client is gone.
	Done()
}

// Action says what becomes of the request.
type Action uint32

// Continue lets the request go on to its service. Pause holds it and has Envoy
// keep the body, up to its buffer limit. Drop, for a body only, holds the
// request and forgets these bytes (the SDK does not name it; Envoy's
// FilterDataStatus::StopIterationNoBuffer).
const (
	Continue = Action(types.ActionContinue)
	Pause    = Action(types.ActionPause)
	Drop     = Action(3)
)

// Start says what makes the plugins. It is called once, by an init function:
// Envoy does not call main.
func Start(newPlugin func() Plugin) { proxywasm.SetVMContext(&vm{newPlugin: newPlugin}) }

// FlushPeriodMS is how often Flush is called, in milliseconds.
const FlushPeriodMS = 1000

// current is the stream that is being called, nil outside of streams. own says
// that Envoy is in that stream's context: the answer of a call arrives in the
// plugin's, and what belongs to the stream has to be asked for in its own.
var (
	current *stream
	own     bool
)

// plugins are those that Envoy has not deleted, by context.
var plugins = map[uint32]*plugin{}

// callouts are the calls in flight, by Envoy's id. Each crossing into the VM
// has its price, so this is not the SDK's table: that changes the effective
// context for every answer, also for one that only is stored.
var callouts = map[uint32]callout{}

type callout struct {
	stream *stream
	id     int
}

// answered delivers what came back of a call, unless its stream has ended.
func answered(callID uint32, numHeaders, bodySize int) {
	c, ok := callouts[callID]
	delete(callouts, callID)
	if !ok || c.stream.ended {
		return
	}
	own = false
	if c.stream.enter() {
		c.stream.Answer(c.id, numHeaders, bodySize)
	}
}

// deleted forgets a plugin whose streams have all ended. Envoy drops the calls
// that are still in flight for it and reports none of them.
func (p *plugin) deleted(contextID uint32) {
	delete(plugins, contextID)
	for id, c := range callouts {
		if c.stream.plugin == p.Plugin {
			delete(callouts, id)
		}
	}
	p.Flush()
}

// inStream makes the current stream's context Envoy's.
func inStream() {
	if !own && current != nil {
		proxySetEffectiveContext(current.contextID)
		own = true
	}
}

// vm, plugin and stream are the SDK's contexts around ours.
type vm struct {
	types.DefaultVMContext
	newPlugin func() Plugin
}

func (v *vm) NewPluginContext(contextID uint32) types.PluginContext {
	p := &plugin{Plugin: v.newPlugin()}
	plugins[contextID] = p
	return p
}

type plugin struct {
	types.DefaultPluginContext
	Plugin
}

func (p *plugin) OnPluginStart(int) types.OnPluginStartStatus {
	if !p.Configure(pluginConfiguration()) {
		return types.OnPluginStartStatusFailed
	}
	proxySetTickPeriodMilliseconds(FlushPeriodMS)
	return types.OnPluginStartStatusOK
}

func (p *plugin) OnTick() {
	p.Flush()
	p.wake()
}

// Wake asks for Tick until the current stream is answered or ends.
func Wake() { waking = append(waking, current) }

// waking are the streams of all plugins that asked for Tick.
var waking []*stream

// wake lets the plugin's streams have their Tick and forgets those that need
// none any more.
func (p *plugin) wake() {
	all := waking
	waking = nil
	for _, s := range all {
		if s.ended || s.replied || s.panicked {
			continue
		}
		waking = append(waking, s)
		if s.plugin == p.Plugin {
			s.tick()
		}
	}
	current = nil
}

// tick is guarded for itself, so that a panic leaves the others their turn.
func (s *stream) tick() {
	defer recovered()
	current, own = s, false
	s.Tick()
}

func (p *plugin) NewHttpContext(contextID uint32) types.HttpContext {
	return &stream{plugin: p.Plugin, contextID: contextID}
}

type stream struct {
	types.DefaultHttpContext
	// Stream is made when the headers come: a panic before that could not be
	// answered.
	Stream
	plugin    Plugin
	contextID uint32
	// ended: Envoy is about to delete the stream. passed: the request went on or is gone. replied: it is answered.
	// panicked: nothing may enter the stream again.
	ended, passed, replied, panicked bool
}

// enter makes the stream the current one, unless it has panicked before.
func (s *stream) enter() bool {
	current = s
	return !s.panicked
}

func (s *stream) OnHttpRequestHeaders(_ int, endOfStream bool) types.Action {
	if !s.enter() {
		return types.ActionPause
	}
	s.Stream = s.plugin.NewStream()
	action := s.RequestHeaders(endOfStream)
	s.passed = action == Continue
	return types.Action(action)
}

func (s *stream) OnHttpRequestBody(size int, endOfStream bool) types.Action {
	if !s.enter() {
		return types.ActionPause
	}
	return types.Action(s.RequestBody(size, endOfStream))
}

func (s *stream) OnHttpRequestTrailers(int) types.Action {
	if !s.enter() {
		return types.ActionPause
	}
	return types.Action(s.RequestTrailers())
}

func (s *stream) OnHttpStreamDone() {
	s.passed, s.ended = true, true
	if s.enter() && s.Stream != nil {
		s.Done()
	}
}
