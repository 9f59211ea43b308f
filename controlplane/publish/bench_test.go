package publish

import (
	"fmt"
	"runtime"
	"testing"
)

// BenchmarkUpdate is a changed plan for 1,000 connected sidecars of one service,
// until all of it is put out; and what a connected sidecar costs in memory,
// gRPC apart.
func BenchmarkUpdate(b *testing.B) {
	const sidecars = 1000
	clock := newClock()
	p := New(Config{Clock: clock, Logger: quietLog})
	p.Update(world(policy("a", "a", 1000, "e1")))
	t := &testing.T{}
	all := make([]*fakeEnvoy, sidecars)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range all {
		sc := shop
		sc.ID = fmt.Sprintf("shop-%d", i)
		all[i] = newEnvoy(t, p, clock, sc)
		all[i].connect(nil)
		all[i].settle()
		all[i].log = nil
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	n := uint32(1000)
	for b.Loop() {
		n++
		p.Update(world(policy("a", "a", n, "e1")))
		b.StopTimer()
		for _, e := range all {
			e.settle()
			e.log = nil
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/sidecars, "B/sidecar")
}
