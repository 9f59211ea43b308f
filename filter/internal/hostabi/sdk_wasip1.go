package hostabi

import _ "unsafe" // for go:linkname

// The SDK's callbacks, which it exports only under TinyGo. Its types of action
// and status have the shapes written here.

//go:linkname sdkOnVMStart github.com/tetratelabs/proxy-wasm-go-sdk/proxywasm/internal.proxyOnVMStart
func sdkOnVMStart(contextID uint32, configSize int) bool

//go:linkname sdkOnConfigure github.com/tetratelabs/proxy-wasm-go-sdk/proxywasm/internal.proxyOnConfigure
func sdkOnConfigure(pluginID uint32, configSize int) bool

//go:linkname sdkOnContextCreate github.com/tetratelabs/proxy-wasm-go-sdk/proxywasm/internal.proxyOnContextCreate
func sdkOnContextCreate(contextID, pluginID uint32)

//go:linkname sdkOnRequestHeaders github.com/tetratelabs/proxy-wasm-go-sdk/proxywasm/internal.proxyOnRequestHeaders
func sdkOnRequestHeaders(contextID uint32, numHeaders int, endOfStream bool) Action

//go:linkname sdkOnRequestBody github.com/tetratelabs/proxy-wasm-go-sdk/proxywasm/internal.proxyOnRequestBody
func sdkOnRequestBody(contextID uint32, size int, endOfStream bool) Action

//go:linkname sdkOnRequestTrailers github.com/tetratelabs/proxy-wasm-go-sdk/proxywasm/internal.proxyOnRequestTrailers
func sdkOnRequestTrailers(contextID uint32, numTrailers int) Action

//go:linkname sdkOnHTTPCallResponse github.com/tetratelabs/proxy-wasm-go-sdk/proxywasm/internal.proxyOnHttpCallResponse
func sdkOnHTTPCallResponse(pluginID, callID uint32, numHeaders, bodySize, numTrailers int)

//go:linkname sdkOnLog github.com/tetratelabs/proxy-wasm-go-sdk/proxywasm/internal.proxyOnLog
func sdkOnLog(contextID uint32)

//go:linkname sdkOnDone github.com/tetratelabs/proxy-wasm-go-sdk/proxywasm/internal.proxyOnDone
func sdkOnDone(contextID uint32) bool

//go:linkname sdkOnDelete github.com/tetratelabs/proxy-wasm-go-sdk/proxywasm/internal.proxyOnDelete
func sdkOnDelete(contextID uint32)

// registerCallout makes the SDK call back when the answer comes, with the
// stream that called as Envoy's effective context, and not at all if Envoy has
// deleted that stream by then.
//
//go:linkname registerCallout github.com/tetratelabs/proxy-wasm-go-sdk/proxywasm/internal.RegisterHttpCallout
func registerCallout(callID uint32, callback func(numHeaders, bodySize, numTrailers int))

// sdkHost has the methods of the SDK's internal.ProxyWasmHost, which cannot be
// named here. The SDK reaches a method by its place in the sorted list of
// names, so every name must be there, and a method that is called must have the
// SDK's parameters. The contexts call one method only; the others have no
// parameters, and the module test fails if anything calls them.
type sdkHost interface {
	ProxyAddHeaderMapValue()
	ProxyCallForeignFunction()
	ProxyCloseStream()
	ProxyContinueStream()
	ProxyDefineMetric()
	ProxyDequeueSharedQueue()
	ProxyDone()
	ProxyEnqueueSharedQueue()
	ProxyGetBufferBytes()
	ProxyGetHeaderMapPairs()
	ProxyGetHeaderMapValue()
	ProxyGetMetric()
	ProxyGetProperty()
	ProxyGetSharedData()
	ProxyHttpCall()
	ProxyIncrementMetric()
	ProxyLog()
	ProxyRecordMetric()
	ProxyRegisterSharedQueue()
	ProxyRemoveHeaderMapValue()
	ProxyReplaceHeaderMapValue()
	ProxyResolveSharedQueue()
	ProxySendLocalResponse()
	ProxySetBufferBytes()
	ProxySetEffectiveContext(contextID uint32) uint32
	ProxySetHeaderMapPairs()
	ProxySetProperty()
	ProxySetSharedData()
	ProxySetTickPeriodMilliseconds()
}

// sdkCurrentHost is where the SDK looks for its host.
//
//go:linkname sdkCurrentHost github.com/tetratelabs/proxy-wasm-go-sdk/proxywasm/internal.currentHost
var sdkCurrentHost sdkHost

// envoy is Envoy as the SDK's host. The embedded interface stays nil: calling
// another method than the one below is a defect and panics.
type envoy struct{ sdkHost }

func (envoy) ProxySetEffectiveContext(contextID uint32) uint32 {
	return proxySetEffectiveContext(contextID)
}

func init() {
	sdkCurrentHost = envoy{}
	if keep {
		sdkCurrentHost.ProxySetEffectiveContext(0)
	}
}

// keep is never true. The linker drops methods that no call in the program
// matches by name and type, and the SDK's call has another type.
var keep bool
