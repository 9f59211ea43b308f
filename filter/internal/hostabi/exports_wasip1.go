package hostabi

import "unsafe"

// The callbacks that Envoy finds in the module: only those that the filter
// uses, as Envoy makes no call for one that is missing. Each hands over to the
// SDK's function of the same name. A panic must not leave them: it would trap,
// and Envoy would throw the VM away with every request in it. current is
// cleared first, so that a panic of the SDK itself is not taken for one of the
// stream that ran before.

//go:wasmexport proxy_abi_version_0_2_0
func proxyABIVersion() {}

//go:wasmexport proxy_on_memory_allocate
func proxyOnMemoryAllocate(size uint32) unsafe.Pointer { return allocate(size) }

//go:wasmexport proxy_on_vm_start
func proxyOnVMStart(contextID, configSize uint32) (ok bool) {
	defer recovered()
	current = nil
	return sdkOnVMStart(contextID, int(configSize))
}

//go:wasmexport proxy_on_configure
func proxyOnConfigure(pluginID, configSize uint32) (ok bool) {
	defer recovered()
	current = nil
	return sdkOnConfigure(pluginID, int(configSize))
}

//go:wasmexport proxy_on_context_create
func proxyOnContextCreate(contextID, pluginID uint32) {
	defer recovered()
	current = nil
	sdkOnContextCreate(contextID, pluginID)
}

//go:wasmexport proxy_on_request_headers
func proxyOnRequestHeaders(contextID, numHeaders uint32, endOfStream bool) (action Action) {
	action = Pause
	defer recovered()
	current, own = nil, true
	return sdkOnRequestHeaders(contextID, int(numHeaders), endOfStream)
}

//go:wasmexport proxy_on_request_body
func proxyOnRequestBody(contextID, size uint32, endOfStream bool) (action Action) {
	action = Pause
	defer recovered()
	current, own = nil, true
	return sdkOnRequestBody(contextID, int(size), endOfStream)
}

//go:wasmexport proxy_on_request_trailers
func proxyOnRequestTrailers(contextID, numTrailers uint32) (action Action) {
	action = Pause
	defer recovered()
	current, own = nil, true
	return sdkOnRequestTrailers(contextID, int(numTrailers))
}

//go:wasmexport proxy_on_http_call_response
func proxyOnHTTPCallResponse(_, callID, numHeaders, bodySize, _ uint32) {
	defer recovered()
	current = nil
	answered(callID, int(numHeaders), int(bodySize))
}

//go:wasmexport proxy_on_tick
func proxyOnTick(pluginID uint32) {
	defer recovered()
	current = nil
	sdkOnTick(pluginID)
}

//go:wasmexport proxy_on_log
func proxyOnLog(contextID uint32) {
	defer recovered()
	current, own = nil, true
	sdkOnLog(contextID)
}

//go:wasmexport proxy_on_delete
func proxyOnDelete(contextID uint32) {
	defer recovered()
	current = nil
	if p := plugins[contextID]; p != nil {
		p.deleted(contextID)
	}
	sdkOnDelete(contextID)
}
