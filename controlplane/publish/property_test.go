package publish

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tutti-mesh/tutti/controlplane/xds"
)

var quietLog = slog.New(slog.NewTextHandler(io.Discard, nil))

// histories is what a run has time for; 3000 take a minute and a half.
var histories = flag.Uint64("histories", 150, "random histories to play")

// TestNeverARouteWithoutItsPlan plays random histories: policies change while
// others are on their way, acknowledgements come in any order and late, some
// configurations are refused, streams break, the control plane is restarted
// without memory. fakeEnvoy.check looks at every moment, and at the end the
// sidecar has exactly what is wanted.
func TestNeverARouteWithoutItsPlan(t *testing.T) {
	for seed := range *histories {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { playHistory(t, seed, 150) })
	}
}

func playHistory(t *testing.T, seed uint64, steps int) {
	r := rand.New(rand.NewPCG(seed, 0))
	clock := newClock()
	start := func() *Publisher { return New(Config{Clock: clock, Logger: quietLog}) }
	now := randomWorld(r)
	e := newEnvoy(t, start(), clock, shop)
	e.p.Update(now)
	e.connect(nil)
	for range steps {
		switch n := r.IntN(100); {
		case n < 8:
			now = randomWorld(r)
			e.logf("change")
			e.p.Update(now)
		case n < 10:
			clock.advance(time.Duration(r.IntN(20)) * time.Second)
		case n < 12:
			e.connect(shuffled(r))
		case n < 14:
			// A restart, and sometimes the policies have changed meanwhile.
			e.logf("restart")
			e.p.leave(e.session)
			e.p, e.session = start(), nil
			if r.IntN(2) == 0 {
				now = randomWorld(r)
			}
			if r.IntN(2) == 0 {
				e.p.Update(now)
				e.connect(shuffled(r))
			} else {
				e.connect(shuffled(r))
				e.p.Update(now)
			}
		case n < 17:
			e.process(true)
		case n < 55:
			e.process(false)
		default:
			e.deliver(types[r.IntN(len(types))])
		}
		e.receive()
	}
	// What was refused is not sent again until it changes.
	e.p.Update(world(policy("other", "other", 1000, "e9")))
	e.settle()
	e.p.Update(now)
	e.settle()
	clock.advance(2 * (longestBudget + margin))
	e.receive()
	e.settle()
	e.mustHave(now[shop.Workload()])
}

func shuffled(r *rand.Rand) []string {
	order := slices.Clone(types)
	r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// mustHave fails unless the sidecar has exactly what is wanted and is shown so.
func (e *fakeEnvoy) mustHave(w Wanted) {
	e.t.Helper()
	e.mustHold(w)
	if st, want := e.p.Status()[0], Hash(w.Plan); st.State != Synced || st.AckedPlan != want || st.WantedPlan != want {
		e.fail("status %+v, want SYNCED with plan %s", st, want)
	}
}

// mustHold is the same, whatever the status says.
func (e *fakeEnvoy) mustHold(w Wanted) {
	e.t.Helper()
	want, err := newWanted(w, e.session.node.sidecar)
	if err != nil {
		e.t.Fatal(err)
	}
	for typeURL, s := range map[string]set{
		xds.ClusterType: want.clusters, xds.EndpointType: want.endpoints, xds.ListenerType: want.listeners,
		xds.ExtensionType: want.extensions, xds.RouteType: want.routes,
	} {
		got, expected := map[string]string{}, map[string]string{}
		for name, r := range e.applied[typeURL] {
			got[name] = r.GetVersion()
		}
		for name, r := range s {
			expected[name] = r.GetVersion()
		}
		if !maps.Equal(got, expected) {
			e.fail("%s: has %v, want %v", shortType(typeURL), got, expected)
		}
	}
}
