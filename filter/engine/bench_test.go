package engine

import (
	"bytes"
	"testing"

	"github.com/tutti-mesh/tutti/filter/jsontext"
	"github.com/tutti-mesh/tutti/filter/plan"
)

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
