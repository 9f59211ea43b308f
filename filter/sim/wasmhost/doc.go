// Package wasmhost runs the compiled module in a proxy-wasm host of its own, on
// wazero, so that tests see the module as an Envoy would: only through the ABI.
//
//	Module   compiled bytes, shared by all VMs
//	VM       one instance: what an Envoy worker has
//	Plugin   one configuration in a VM
//	Stream   one request
//	Call     one callout of the filter, waiting for its answer
//
// The test plays Envoy: it starts requests, answers calls in any order and with
// any content, lets clients leave, and moves the clock. The host is stricter
// than Envoy: what Envoy would take silently and then hang or misbehave on (a
// second reply, a reply after the request went on, a deleted context, a pointer
// outside of memory) fails the test.
//
// It has what ABI 0.2.0 of Envoy's proxy-wasm-cpp-host offers and the filter
// uses; a module that imports more does not start.
package wasmhost
