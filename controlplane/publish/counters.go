package publish

import (
	"sync/atomic"

	"github.com/tutti-mesh/tutti/controlplane/xds"
)

// counters are made once with all their keys, so that no lock is needed.
type counters struct {
	pushes map[string]*atomic.Uint64
	nacks  map[string]*atomic.Uint64
}

// types are what is served, in the order of the phases.
var types = []string{xds.ClusterType, xds.EndpointType, xds.ExtensionType, xds.ListenerType, xds.RouteType}

// shortTypes are the names that Envoy's users know.
var shortTypes = map[string]string{
	xds.ClusterType:   "CDS",
	xds.EndpointType:  "EDS",
	xds.ExtensionType: "ECDS",
	xds.ListenerType:  "LDS",
	xds.RouteType:     "RDS",
}

func shortType(typeURL string) string { return shortTypes[typeURL] }

func newCounters() counters {
	c := counters{pushes: map[string]*atomic.Uint64{}, nacks: map[string]*atomic.Uint64{}}
	for _, t := range types {
		c.pushes[t], c.nacks[t] = &atomic.Uint64{}, &atomic.Uint64{}
	}
	return c
}

func (c *counters) push(typeURL string) { c.pushes[typeURL].Add(1) }
func (c *counters) nack(typeURL string) { c.nacks[typeURL].Add(1) }

// Counts are responses sent and refused since the start, by type (CDS, EDS,
// ECDS, LDS, RDS).
type Counts struct {
	Pushes map[string]uint64
	Nacks  map[string]uint64
}

// Counts returns them.
func (p *Publisher) Counts() Counts {
	out := Counts{Pushes: map[string]uint64{}, Nacks: map[string]uint64{}}
	for _, t := range types {
		out.Pushes[shortType(t)] = p.count.pushes[t].Load()
		out.Nacks[shortType(t)] = p.count.nacks[t].Load()
	}
	return out
}
