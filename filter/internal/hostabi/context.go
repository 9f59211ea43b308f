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

// current is the stream that is being called, nil outside of streams.
var current *stream

// vm, plugin and stream are the SDK's contexts around ours.
type vm struct {
	types.DefaultVMContext
	newPlugin func() Plugin
}

func (v *vm) NewPluginContext(uint32) types.PluginContext { return &plugin{Plugin: v.newPlugin()} }

type plugin struct {
	types.DefaultPluginContext
	Plugin
}

func (p *plugin) OnPluginStart(int) types.OnPluginStartStatus {
	return types.OnPluginStartStatus(p.Configure(pluginConfiguration()))
}

func (p *plugin) NewHttpContext(uint32) types.HttpContext { return &stream{plugin: p.Plugin} }

type stream struct {
	types.DefaultHttpContext
	// Stream is made when the headers come: a panic before that could not be
	// answered.
	Stream
	plugin Plugin
	// passed: the request went on or is gone. replied: it is answered.
	// panicked: nothing may enter the stream again.
	passed, replied, panicked bool
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
	s.passed = true
	if s.enter() && s.Stream != nil {
		s.Done()
	}
}

func (s *stream) answer(id, numHeaders, bodySize int) {
	if s.enter() {
		s.Answer(id, numHeaders, bodySize)
	}
}
