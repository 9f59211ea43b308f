package cel

import "testing"

// BenchmarkCompile is what the control plane pays for each expression of each
// policy when it compiles.
func BenchmarkCompile(b *testing.B) {
	scope := Scope{PathParams: []string{"id"}, Steps: []string{"product", "reviews", "stock"}}
	for _, src := range []string{"steps.product.body", "steps.stock.body.count > 0 && request.headers[?'x-a'].orValue('') != ''"} {
		b.Run(src, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Compile(src, scope)
			}
		})
	}
}
