package wasmhost

import "slices"

// State is what became of a request so far.
type State int

// Paused: the filter holds it. Continued: it went on to its service. Replied:
// the filter has answered it.
const (
	Paused State = iota
	Continued
	Replied
)

func (s State) String() string { return [...]string{"paused", "continued", "replied"}[s] }

// Stream is one request.
type Stream struct {
	// State is Continued only if the filter let every part go on that came.
	State State
	// Reply is the filter's answer, if State is Replied.
	Reply *Reply
	// FilterState is what the filter set, by key without the prefix "wasm.".
	FilterState map[string]string

	vm         *VM
	plugin     *Plugin
	id         uint32
	headers    [][2]string
	body       []byte
	properties map[string]string
	ended      bool
}

// Reply is an answer to the client.
type Reply struct {
	Status  int
	Headers [][2]string
	Body    []byte
}

// Header is the first value of a header of the reply.
func (r *Reply) Header(name string) string {
	for _, h := range r.Headers {
		if h[0] == name {
			return h[1]
		}
	}
	return ""
}

// Request describes a request.
type Request struct {
	// Headers with :method, :path and :authority.
	Headers [][2]string
	// More says that a body or trailers follow.
	More bool
	// Properties are those that the filter can read, with dots between the
	// parts of their paths: "xds.route_name".
	Properties map[string]string
}

// Request begins a request.
func (p *Plugin) Request(r Request) *Stream {
	vm := p.vm
	vm.t.Helper()
	s := &Stream{
		vm: vm, plugin: p, id: vm.newID(), headers: r.Headers, properties: r.Properties, FilterState: map[string]string{},
	}
	vm.streams[s.id] = s
	vm.call("proxy_on_context_create", s.id, uint64(s.id), uint64(p.id))
	s.part("proxy_on_request_headers", uint64(s.id), uint64(len(r.Headers)), flag(!r.More))
	return s
}

// Body adds to the request's body. Envoy buffers what the filter holds back.
func (s *Stream) Body(chunk []byte, endOfStream bool) {
	s.vm.t.Helper()
	if s.State == Continued {
		s.body = nil
	}
	s.body = append(s.body, chunk...)
	s.part("proxy_on_request_body", uint64(s.id), uint64(len(s.body)), flag(endOfStream))
}

// Trailers end a request that has some.
func (s *Stream) Trailers(trailers [][2]string) {
	s.vm.t.Helper()
	s.part("proxy_on_request_trailers", uint64(s.id), uint64(len(trailers)))
}

// part delivers a part of the request. After a reply nothing more arrives, as
// in Envoy.
func (s *Stream) part(callback string, args ...uint64) {
	s.vm.t.Helper()
	if s.State == Replied {
		return
	}
	if s.ended {
		s.vm.t.Fatalf("wasmhost: %s for stream %d, which has ended", callback, s.id)
	}
	action := s.vm.call(callback, s.id, args...)
	switch {
	case s.State == Replied:
	case action == 0:
		s.State = Continued
	case action == 1:
		if s.State == Continued {
			s.vm.violation("stream %d is paused after it went on", s.id)
		}
		s.State = Paused
	case action == 3 && callback == "proxy_on_request_body":
		// Envoy holds the request and does not keep the bytes.
		s.State, s.body = Paused, nil
	default:
		s.vm.violation("%s returned the unknown action %d", callback, action)
	}
}

// End ends the stream: it is answered, or the client has left. Calls in flight
// stay; their answers come after the stream.
func (s *Stream) End() {
	vm := s.vm
	vm.t.Helper()
	if s.ended {
		vm.t.Fatalf("wasmhost: stream %d ends twice", s.id)
	}
	s.ended = true
	vm.call("proxy_on_log", s.id, uint64(s.id))
	vm.call("proxy_on_delete", s.id, uint64(s.id))
	delete(vm.streams, s.id)
}

// Call is a callout of the filter.
type Call struct {
	Cluster   string
	Headers   [][2]string
	Body      []byte
	TimeoutMS uint32
	// Stream made the call.
	Stream *Stream

	vm     *VM
	plugin *Plugin
	id     uint32
	answer [][2]string
	body   []byte
}

// Header is the first value of a header of the call.
func (c *Call) Header(name string) string {
	return (&Reply{Headers: c.Headers}).Header(name)
}

// Answer delivers an answer. No headers at all are a reset.
func (c *Call) Answer(headers [][2]string, body []byte) {
	vm := c.vm
	vm.t.Helper()
	at := slices.Index(vm.calls, c)
	if at < 0 {
		vm.t.Fatalf("wasmhost: a call to %s is answered twice", c.Cluster)
	}
	vm.calls = slices.Delete(vm.calls, at, at+1)
	c.answer, c.body = headers, body
	vm.answering = c
	vm.call("proxy_on_http_call_response", c.plugin.id,
		uint64(c.plugin.id), uint64(c.id), uint64(len(headers)), uint64(len(body)), 0)
	vm.answering = nil
}

// Reset ends the call without an answer.
func (c *Call) Reset() {
	c.vm.t.Helper()
	c.Answer(nil, nil)
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
