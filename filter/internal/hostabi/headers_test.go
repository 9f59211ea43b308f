package hostabi

import (
	"slices"
	"testing"
)

func TestHeaderMapRoundTrip(t *testing.T) {
	cases := map[string][][2]string{
		"none":   {},
		"one":    {{":path", "/a"}},
		"empty":  {{"", ""}, {"a", ""}, {"", "b"}},
		"twice":  {{"x", "1"}, {"x", "2"}},
		"zeroes": {{"a\x00b", "\x00"}},
	}
	var m HeaderMap
	for name, want := range cases {
		m.set(encodePairs(want))
		got := [][2]string{}
		for i := range m.Len() {
			k, v := m.At(i)
			got = append(got, [2]string{k, v})
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		m.Free()
		if m.Len() != 0 {
			t.Errorf("%s: %d headers after Free", name, m.Len())
		}
		m.Free()
	}
	m.set(nil)
	if m.Len() != 0 {
		t.Errorf("no bytes: %d headers", m.Len())
	}
}

func TestHeaderMapDoesNotAllocateWhenWarm(t *testing.T) {
	pairs := [][2]string{{":method", "GET"}, {":path", "/v1/products/42"}, {"x-request-id", "0123456789"}}
	var m HeaderMap
	n := testing.AllocsPerRun(100, func() {
		m.set(encodePairs(pairs))
		m.Free()
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzHeaderMap(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 'a', 0, 'b', 0})
	f.Add([]byte{255, 255, 255, 255})
	f.Fuzz(func(_ *testing.T, data []byte) {
		// Envoy is trusted to write what the ABI says; were it not, a slice
		// bound has to stop it, not memory. The callback's guard answers that.
		defer func() { _ = recover() }()
		var m HeaderMap
		m.set(append(Buffer(0), data...))
		for i := range m.Len() {
			_, _ = m.At(i)
		}
	})
}
