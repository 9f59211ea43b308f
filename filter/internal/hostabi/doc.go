// Package hostabi is the filter's way to Envoy and the only package that
// touches the proxy-wasm ABI (version 0.2.0).
//
//	Envoy --exports--> SDK contexts --> Plugin, Stream   (implemented by main)
//	main  --calls----> imports ------> Envoy             (Dispatch, Reply, ...)
//
// Contexts and their life are those of proxy-wasm-go-sdk, which is made for
// TinyGo: under the standard Go compiler its callbacks exist, but nothing
// exports them. So this package exports them (exports_wasip1.go) and hands over
// to the SDK (sdk_wasip1.go). Everything that a request does goes to Envoy
// directly instead (imports_wasip1.go, calls.go): the SDK's calls bring fmt and
// allocate each time, and its table of calls in flight makes one more crossing
// for every answer.
//
// Bytes that come from Envoy lie in pooled buffers. Whoever gets one owns it
// and hands it back with Free, at the latest when the stream is done; one that
// is not handed back is collected like any other. Nothing here is safe for
// concurrent use, because a Wasm VM runs on one thread.
//
// The package also compiles natively, so that vet and tests see it; there,
// every call to Envoy panics.
package hostabi
