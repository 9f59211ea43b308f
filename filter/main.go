// Package main is the Wasm module: it wires plan, engine and Envoy together and
// decides nothing itself.
//
//	configuration -> plan.Decode -> engine.Table     main.go, once per plan
//	request       -> engine.Run <-> Envoy            stream.go
//	engine.Summary -> stats, access log              report.go
//
// Build it with GOOS=wasip1 GOARCH=wasm -buildmode=c-shared. Natively it is a
// program that does nothing, so that build and vet see it.
package main

import (
	"strconv"

	"github.com/tutti-mesh/tutti/filter/engine"
	"github.com/tutti-mesh/tutti/filter/internal/hostabi"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// Envoy does not call main.
func main() {}

func init() { hostabi.Start(func() hostabi.Plugin { return &plugin{} }) }

// plugin is one plan. Envoy makes a new one for every configuration and keeps
// the last until its requests have ended, so a plan that is refused replaces
// nothing.
type plugin struct {
	table   *engine.Table
	matcher bool
	stats   stats
}

// Configure decodes the plan and refuses one that this module cannot run.
func (p *plugin) Configure(config []byte) bool {
	decoded, err := plan.Decode(config)
	if err != nil {
		hostabi.Log(hostabi.Error, "tutti: the plan is refused, the last one stays: "+err.Error())
		return false
	}
	p.table, p.matcher = engine.NewTable(decoded), decoded.Matcher
	return true
}

// NewStream begins a request.
func (p *plugin) NewStream() hostabi.Stream {
	p.stats.add(&p.stats.streams, 1, "tutti.streams")
	return &stream{plugin: p}
}

// Flush hands the counters over.
func (p *plugin) Flush() { p.stats.flush() }

// Panicked answers the one request whose handling panicked.
func (p *plugin) Panicked(s hostabi.Stream, value, stack string) {
	incident := strconv.FormatUint(hostabi.Random(), 16)
	hostabi.Log(hostabi.Critical, "tutti: incident "+incident+": panic: "+value+"\n"+stack)
	p.stats.add(&p.stats.panics, 1, "tutti.panics")
	if s, ok := s.(*stream); ok {
		if s.run == nil {
			s.run = p.table.Route("") // a run without a policy can still answer
		}
		s.do(s.run.Panic(incident, now()))
	}
}

func now() engine.Time { return engine.Time(hostabi.Now()) }
