package engine

import (
	"bytes"
	"strconv"
	"testing"

	"github.com/tutti-mesh/tutti/filter/jsontext"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// TestHeadersOfCalls: calls that go out together have memory in common for
// their headers; whatever fits in it how exactly, each has its own.
func TestHeadersOfCalls(t *testing.T) {
	for extra := range 40 {
		p := load(t, "happy")
		steps := p.Policies[0].Steps
		h := list{{":method", "GET"}, {":path", "/products/1"}, {"x-request-id", "r"}}
		for i := range extra {
			name := "h" + strconv.Itoa(i)
			h = append(h, [2]string{name, "v"})
			steps[i%3].ForwardHeaders = append(steps[i%3].ForwardHeaders, name)
		}
		table := NewTable(p)
		for range 2 { // the second on a used run
			r := table.Route("product-page")
			effects := r.Start(h, true, 0)
			for i, e := range effects {
				if got, _ := list(e.Call.Headers).Header(":authority"); got != steps[i].Authority {
					t.Fatalf("%d forwarded: the call to %s goes out with the headers of %s: %v", extra, steps[i].Name, got, e.Call.Headers)
				}
				if n := len(e.Call.Headers) - 7; n != len(steps[i].ForwardHeaders) {
					t.Fatalf("%d forwarded: %s has %d of %d: %v", extra, steps[i].Name, n, len(steps[i].ForwardHeaders), e.Call.Headers)
				}
			}
			r.Gone(1)
			table.Recycle(r)
		}
	}
}

// BenchmarkRequest is one request of three calls with answers of 1 KB: what
// the engine itself costs, without a host.
func BenchmarkRequest(b *testing.B) {
	table := NewTable(load(b, "happy"))
	h := list{{":authority", "shop.example"}, {":path", "/products/42"}, {":method", "GET"}, {":scheme", "http"},
		{"user-agent", "bench"}, {"x-forwarded-proto", "http"}, {"x-request-id", "4c5d7a3e-7c10-4b5c-8c4e-1d5a0c9f2f11"}}
	a := padded{list: list{{":status", "200"}, {"content-type", "application/json"}, {"date", "x"}, {plan.MarkHeader, "200"}},
		body: jsontext.Padded(append(append([]byte(`{"id":42,"count":3,"items":[],"pad":"`), bytes.Repeat([]byte("x"), 960)...), `"}`...))}
	b.ReportAllocs()
	for b.Loop() {
		r := table.Route("product-page")
		if n := len(r.Start(h, true, 0)); n != 3 {
			b.Fatal(n)
		}
		r.Answer(2, a, 1)
		r.Answer(0, a, 2)
		if n := len(r.Answer(1, a, 3)); n != 1 {
			b.Fatal(n)
		}
		r.Summary()
		table.Recycle(r)
	}
}

type padded struct {
	list
	body []byte
}

func (p padded) BodySize() int { return len(p.body) }
func (p padded) Body() []byte  { return p.body }
