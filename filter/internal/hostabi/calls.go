package hostabi

import (
	"math"
	"unsafe"
)

// Map and buffer types of the ABI.
const (
	mapRequestHeaders      = 0
	mapCallResponseHeaders = 6

	bufferRequestBody         = 0
	bufferCallResponseBody    = 4
	bufferPluginConfiguration = 7
)

const (
	statusOK          = 0
	statusBadArgument = 2
)

// out are the words that Envoy writes results to.
var out struct {
	ptr, size, id uint32
	u64           uint64
}

// pending are the buffers that Envoy asked for during the current call. They
// are kept here, or the collector might take them before the call returns.
var pending [][]byte

// allocate serves proxy_on_memory_allocate.
func allocate(size uint32) unsafe.Pointer {
	b := buffers.get(int(size))
	pending = append(pending, b)
	return unsafe.Pointer(unsafe.SliceData(b))
}

// result is the buffer that a call has just returned through out. What Envoy
// asked for and then did not use goes back to the pool.
func result(status uint32) (buf []byte, ok bool) {
	ok = status == statusOK
	for i, b := range pending {
		if ok && uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) == out.ptr {
			buf = b[:out.size]
		} else {
			Free(b)
		}
		pending[i] = nil
	}
	pending = pending[:0]
	if ok && buf == nil && out.size != 0 {
		panic("hostabi: a result lies in memory that was not asked for")
	}
	return buf, ok
}

func getMap(m *HeaderMap, mapType uint32) {
	out.ptr, out.size = 0, 0
	buf, _ := result(proxyGetHeaderMapPairs(mapType, &out.ptr, &out.size))
	m.set(buf)
}

func getBuffer(bufferType uint32, max int) []byte {
	out.ptr, out.size = 0, 0
	buf, _ := result(proxyGetBufferBytes(bufferType, 0, uint32(max), &out.ptr, &out.size))
	return buf
}

// RequestHeaders fills m with the headers of the current stream's request.
func RequestHeaders(m *HeaderMap) { getMap(m, mapRequestHeaders) }

// CallResponseHeaders fills m with the headers of the answer that is being
// delivered: none if the call was reset.
func CallResponseHeaders(m *HeaderMap) { getMap(m, mapCallResponseHeaders) }

// CallResponseHeader is the first value of a header of the answer that is being
// delivered. Envoy writes out all of a map at several times the price of one.
func CallResponseHeader(name string) (string, bool) {
	out.ptr, out.size = 0, 0
	buf, ok := result(proxyGetHeaderMapValue(mapCallResponseHeaders, name, &out.ptr, &out.size))
	value := string(buf)
	Free(buf)
	return value, ok
}

// RequestBody is what Envoy has buffered of the request's body, at most max
// bytes, in a padded pooled buffer; nil if there is nothing.
func RequestBody(max int) []byte { return getBuffer(bufferRequestBody, max) }

// CallResponseBody is the body of the answer that is being delivered, at most
// max bytes, in a padded pooled buffer; nil if there is nothing.
func CallResponseBody(max int) []byte { return getBuffer(bufferCallResponseBody, max) }

func pluginConfiguration() []byte { return getBuffer(bufferPluginConfiguration, math.MaxInt32) }

// Dispatch sends a request to a cluster from the current stream. The answer
// arrives at the stream's Answer with the same id, unless the stream is done
// by then; after another result than Dispatched no answer comes.
func Dispatch(id int, cluster string, headers [][2]string, body []byte, timeoutMS uint32) DispatchResult {
	inStream()
	pairs := encodePairs(headers)
	status := proxyHTTPCall(cluster, alias(pairs), alias(body), "", timeoutMS, &out.id)
	Free(pairs)
	switch status {
	case statusOK:
		callouts[out.id] = callout{current, id}
		return Dispatched
	case statusBadArgument:
		return NoCluster
	}
	return NoEndpoint
}

// DispatchResult says whether a call went out.
type DispatchResult uint8

// NoCluster: Envoy does not know the cluster. NoEndpoint: it does, and the call
// failed at once, as there is nobody in it to call.
const (
	Dispatched DispatchResult = iota
	NoCluster
	NoEndpoint
)

// Reply answers the current stream's request; body is the concatenation of its
// pieces, which may be freed afterwards. A stream is answered once and not after
// it went on: any other Reply returns false and does nothing, because the
// client would hang.
func Reply(status int, headers [][2]string, body [][]byte) bool {
	if current == nil || current.replied || current.passed {
		return false
	}
	current.replied = true
	inStream()
	pairs, whole := encodePairs(headers), join(body)
	result := proxySendLocalResponse(uint32(status), "", alias(whole), alias(pairs), noGRPC)
	Free(pairs, whole)
	return result == statusOK
}

// noGRPC says that an answer is not a gRPC one.
const noGRPC = -1

// join copies the pieces into one pooled buffer.
func join(pieces [][]byte) []byte {
	size := 0
	for _, p := range pieces {
		size += len(p)
	}
	whole := buffers.get(size)[:0]
	for _, p := range pieces {
		whole = append(whole, p...)
	}
	return whole
}

// alias is a string of the same memory, to pass to Envoy.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Property reads a property of the current stream; its path has parts
// separated by zero bytes, such as "xds\x00route_name".
func Property(path string) (string, bool) {
	out.ptr, out.size = 0, 0
	buf, ok := result(proxyGetProperty(path, &out.ptr, &out.size))
	value := string(buf)
	Free(buf)
	return value, ok
}

// SetProperty puts a value into the current stream's filter state under
// "wasm." and the key, where access logs find it.
func SetProperty(key, value string) {
	inStream()
	proxySetProperty(key, value)
}

// Level is how severe a log line is.
type Level uint32

// The levels of the ABI, less fatal and trace.
const (
	Debug    Level = 1
	Info     Level = 2
	Warn     Level = 3
	Error    Level = 4
	Critical Level = 5
)

// Log writes a line to Envoy's log.
func Log(level Level, message string) { proxyLog(uint32(level), message) }

// MetricKind is counter or histogram.
type MetricKind uint32

// The kinds that the filter uses.
const (
	Counter   MetricKind = 0
	Histogram MetricKind = 2
)

// Metric is a metric that Envoy knows.
type Metric uint32

// DefineMetric defines a metric, or finds the one that has the name. Envoy
// prefixes it "wasmcustom.". It returns false if Envoy has not made one.
func DefineMetric(kind MetricKind, name string) (Metric, bool) {
	status := proxyDefineMetric(uint32(kind), name, &out.id)
	return Metric(out.id), status == statusOK
}

// Add adds to a counter.
func (m Metric) Add(n int) { proxyIncrementMetric(uint32(m), int64(n)) }

// Record records a value in a histogram.
func (m Metric) Record(value uint64) { proxyRecordMetric(uint32(m), value) }

// monotonic is WASI's clock that is never set.
const monotonic = 1

// Now is the reading of the monotonic clock in nanoseconds.
func Now() int64 {
	clockTimeGet(monotonic, 1, &out.u64)
	return int64(out.u64)
}

// Random is a random number.
func Random() uint64 {
	randomGet(unsafe.Pointer(&out.u64), 8)
	return out.u64
}
