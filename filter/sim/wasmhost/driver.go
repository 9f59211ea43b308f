package wasmhost

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tutti-mesh/tutti/filter/engine"
	"github.com/tutti-mesh/tutti/filter/plan"
	"github.com/tutti-mesh/tutti/filter/sim"
)

// Driver plays sim's scenarios on the filter's module (sim.Driver).
type Driver struct {
	vm      *VM
	plugin  *Plugin
	routes  *engine.Table // nil if the plan finds its policies itself
	streams map[string]*driven
	calls   []*Call
	unknown map[string]bool
}

// driven is a stream and what of it was told already.
type driven struct {
	*Stream
	toldPass, toldReply, toldEnd bool
}

// NewDriver returns a driver of one VM.
func NewDriver(vm *VM) *Driver {
	d := &Driver{vm: vm, streams: map[string]*driven{}, unknown: map[string]bool{}}
	vm.FailDispatch = func(cluster string) bool { return d.unknown[cluster] }
	return d
}

// Configure offers the plan to the filter.
func (d *Driver) Configure(raw []byte) error {
	logged := len(d.vm.Logs)
	if d.plugin = d.vm.Configure(raw); d.plugin == nil {
		return fmt.Errorf("the filter refused the plan: %+v", d.vm.Logs[logged:])
	}
	p, err := plan.Decode(raw)
	if err != nil {
		return fmt.Errorf("the filter took a plan that is none: %w", err)
	}
	if !p.Matcher {
		d.routes = engine.NewTable(p)
	}
	return nil
}

type headers [][2]string

func (h headers) Len() int                      { return len(h) }
func (h headers) At(i int) (name, value string) { return h[i][0], h[i][1] }

// Start begins a request. Where routes decide, the host plays the route too:
// what none matches never reaches the filter.
func (d *Driver) Start(request string, h [][2]string, ended bool) []sim.Did {
	r := Request{Headers: h, More: !ended}
	if d.routes != nil {
		run := d.routes.Match(headers(h))
		if run == nil {
			return []sim.Did{{Pass: true}}
		}
		r.Properties = map[string]string{"xds.route_name": run.Summary().Policy}
	}
	before := len(d.vm.calls)
	s := &driven{Stream: d.plugin.Request(r)}
	d.streams[request] = s
	return d.did(s, before)
}

// Body delivers a chunk.
func (d *Driver) Body(request string, chunk []byte, ended bool) []sim.Did {
	return d.event(request, func(s *Stream) { s.Body(chunk, ended) })
}

// Trailers end the request.
func (d *Driver) Trailers(request string) []sim.Did {
	return d.event(request, func(s *Stream) { s.Trailers([][2]string{{"x-trailer", "1"}}) })
}

// Answer answers a call.
func (d *Driver) Answer(request string, call int, h [][2]string, body []byte) []sim.Did {
	s, before := d.streams[request], len(d.vm.calls)-1 // the answered call leaves the list
	d.calls[call].Answer(h, body)
	return d.did(s, before)
}

// Leave ends the request without a reply.
func (d *Driver) Leave(request string) []sim.Did {
	return d.event(request, (*Stream).End)
}

// Wait moves the clock.
func (d *Driver) Wait(t time.Duration) { d.vm.Advance(t) }

// Unknown makes a cluster unknown.
func (d *Driver) Unknown(cluster string) { d.unknown[cluster] = true }

// Close ends the requests that are left, and the plugin.
func (d *Driver) Close() error {
	var hung []string
	for name, s := range d.streams {
		if s.State == Paused && !s.ended && !slices.ContainsFunc(d.vm.calls, func(c *Call) bool { return c.Stream == s.Stream }) {
			hung = append(hung, name)
		}
		if !s.ended {
			s.End()
		}
	}
	for _, c := range d.vm.Calls() {
		c.Reset()
	}
	d.plugin.Close()
	if len(hung) > 0 {
		slices.Sort(hung)
		return errors.New("these requests wait for nothing: " + strings.Join(hung, ", "))
	}
	return nil
}

func (d *Driver) event(request string, deliver func(*Stream)) []sim.Did {
	s, before := d.streams[request], len(d.vm.calls)
	deliver(s.Stream)
	return d.did(s, before)
}

// did is what the filter did since there were so many calls.
func (d *Driver) did(s *driven, before int) []sim.Did {
	var dids []sim.Did
	for _, c := range d.vm.calls[before:] {
		d.calls = append(d.calls, c)
		dids = append(dids, sim.Did{Call: &sim.Call{
			ID: len(d.calls) - 1, Cluster: c.Cluster, Headers: c.Headers, Body: c.Body, TimeoutMS: c.TimeoutMS,
		}})
	}
	if s.State == Continued && !s.toldPass {
		s.toldPass = true
		dids = append(dids, sim.Did{Pass: true})
	}
	if s.Reply != nil && !s.toldReply {
		s.toldReply = true
		dids = append(dids, sim.Did{Reply: &sim.Reply{Status: s.Reply.Status, Headers: s.Reply.Headers, Body: s.Reply.Body}})
	}
	if outcome := s.FilterState["tutti.outcome"]; outcome != "" && !s.toldEnd {
		s.toldEnd = true
		if step := s.FilterState["tutti.step"]; step != "" {
			outcome += " " + step
		}
		dids = append(dids, sim.Did{End: outcome})
	}
	return dids
}
