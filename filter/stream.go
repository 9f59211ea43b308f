package main

import (
	"github.com/tutti-mesh/tutti/filter/engine"
	"github.com/tutti-mesh/tutti/filter/internal/hostabi"
)

// stream is one request: it hands Envoy's events to the run and the run's
// effects to Envoy.
type stream struct {
	plugin *plugin
	// run is nil if no policy matches; the request is not ours then.
	run     *engine.Run
	headers hostabi.HeaderMap
	// bodies are pooled buffers that the run may refer to until it is over.
	bodies   [][]byte
	bodySize int
	reported bool
}

// RequestHeaders finds the policy and starts the run.
func (s *stream) RequestHeaders(endOfStream bool) hostabi.Action {
	hostabi.RequestHeaders(&s.headers)
	if s.run = s.find(); s.run == nil {
		s.headers.Free()
		return hostabi.Continue
	}
	s.do(s.run.Start(&s.headers, endOfStream, now()))
	if s.run.AwaitsBody() {
		hostabi.Wake()
	}
	return hostabi.Pause
}

// find asks the plan's matcher, or Envoy for the route it has taken.
func (s *stream) find() *engine.Run {
	if s.plugin.matcher {
		return s.plugin.table.Match(&s.headers)
	}
	name, _ := hostabi.Property("xds\x00route_name")
	return s.plugin.table.Route(name)
}

// RequestBody passes the body on when it is whole. A body that no expression
// reads is dropped as it comes.
func (s *stream) RequestBody(size int, endOfStream bool) hostabi.Action {
	switch {
	case s.run == nil:
		return hostabi.Continue
	case !s.run.AwaitsBody():
		return hostabi.Drop
	}
	s.bodySize = size
	if endOfStream {
		return s.RequestTrailers()
	}
	s.do(s.run.BodyProgress(size, now()))
	return hostabi.Pause
}

// RequestTrailers ends the body.
func (s *stream) RequestTrailers() hostabi.Action {
	switch {
	case s.run == nil:
		return hostabi.Continue
	case s.run.AwaitsBody():
		body := hostabi.RequestBody(s.bodySize)
		s.bodies = append(s.bodies, body)
		s.do(s.run.Body(body, now()))
	}
	return hostabi.Pause
}

// Tick lets a body that does not come run out of time.
func (s *stream) Tick() {
	if s.run != nil {
		s.do(s.run.BodyProgress(s.bodySize, now()))
	}
}

// Answer passes an answer on.
func (s *stream) Answer(id, headers, bodySize int) {
	if s.run == nil {
		return
	}
	a := answer{stream: s, reset: headers == 0, size: bodySize}
	s.do(s.run.Answer(id, &a, now()))
	a.headers.Free()
}

// Done ends a run whose client has left, and takes back every run.
func (s *stream) Done() {
	if s.run == nil {
		return
	}
	if !s.run.Over() {
		s.run.Gone(now())
		s.do(nil)
	}
	s.plugin.table.Recycle(s.run)
	s.run = nil
}

// do carries effects out. A call that Envoy does not take is an event of its
// own, after all effects of this one.
func (s *stream) do(effects []engine.Effect) {
	type failure struct {
		id      int
		unknown bool
	}
	var failed []failure
	for i := range effects {
		switch e := &effects[i]; e.Kind {
		case engine.DoCall:
			c := &e.Call
			if err := hostabi.Dispatch(c.ID, c.Cluster, c.Headers, c.Body, c.TimeoutMS); err != hostabi.Dispatched {
				failed = append(failed, failure{c.ID, err == hostabi.NoCluster})
			}
		case engine.DoReply:
			s.report() // before the access log is written
			hostabi.Reply(e.Reply.Status, e.Reply.Headers, e.Reply.Body)
		}
	}
	for _, f := range failed {
		s.do(s.run.DispatchFailed(f.id, f.unknown, now()))
	}
	if s.run.Over() {
		s.report()
		s.free()
	}
}

// free hands back what the run referred to. Nothing reads it any more.
func (s *stream) free() {
	s.headers.Free()
	hostabi.Free(s.bodies...)
	s.bodies = nil
}

// answer is what a call brought back, fetched from Envoy when it is asked for.
type answer struct {
	stream  *stream
	reset   bool
	size    int
	fetched bool
	headers hostabi.HeaderMap
	body    []byte
}

func (a *answer) Reset() bool { return a.reset }

func (a *answer) Header(name string) (string, bool) { return hostabi.CallResponseHeader(name) }

func (a *answer) Len() int {
	if !a.fetched {
		a.fetched = true
		hostabi.CallResponseHeaders(&a.headers)
	}
	return a.headers.Len()
}

func (a *answer) At(i int) (name, value string) { return a.headers.At(i) }

func (a *answer) BodySize() int { return a.size }

func (a *answer) Body() []byte {
	if a.body == nil && a.size > 0 {
		a.body = hostabi.CallResponseBody(a.size)
		a.stream.bodies = append(a.stream.bodies, a.body)
	}
	return a.body
}
