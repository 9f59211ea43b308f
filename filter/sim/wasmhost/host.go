package wasmhost

import (
	"context"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// Statuses of the ABI (proxy-wasm-cpp-host, WasmResult).
const (
	statusOK                  = 0
	statusNotFound            = 1
	statusBadArgument         = 2
	statusInvalidMemoryAccess = 6
)

// Maps and buffers of the ABI.
const (
	mapRequestHeaders      = 0
	mapCallResponseHeaders = 6

	bufferRequestBody         = 0
	bufferCallResponseBody    = 4
	bufferPluginConfiguration = 7
)

func defineHost(ctx context.Context, r wazero.Runtime) error {
	b := r.NewHostModuleBuilder("env")
	for name, f := range map[string]any{
		"proxy_log":                   proxyLog,
		"proxy_get_property":          proxyGetProperty,
		"proxy_set_property":          proxySetProperty,
		"proxy_send_local_response":   proxySendLocalResponse,
		"proxy_get_header_map_pairs":  proxyGetHeaderMapPairs,
		"proxy_get_header_map_value":  proxyGetHeaderMapValue,
		"proxy_get_buffer_bytes":      proxyGetBufferBytes,
		"proxy_http_call":             proxyHTTPCall,
		"proxy_set_effective_context": proxySetEffectiveContext,

		"proxy_set_tick_period_milliseconds": proxySetTickPeriodMilliseconds,
		"proxy_define_metric":                proxyDefineMetric,
		"proxy_increment_metric":             proxyIncrementMetric,
		"proxy_record_metric":                proxyRecordMetric,
	} {
		b = b.NewFunctionBuilder().WithFunc(f).Export(name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

func vmOf(ctx context.Context) *VM { return ctx.Value(vmKey{}).(*VM) }

// contextID is the context that host functions act on.
func (vm *VM) contextID() uint32 {
	if vm.effective != 0 {
		return vm.effective
	}
	return vm.current
}

// stream is the stream that a host function acts on, nil with a violation if
// there is none.
func (vm *VM) stream(function string) *Stream {
	s := vm.streams[vm.contextID()]
	if s == nil {
		vm.violation("%s in context %d, which is no stream", function, vm.contextID())
	}
	return s
}

func proxyLog(ctx context.Context, m api.Module, level, ptr, size uint32) uint32 {
	vm := vmOf(ctx)
	text, ok := vm.read(m, "proxy_log", ptr, size)
	if !ok {
		return statusInvalidMemoryAccess
	}
	vm.Logs = append(vm.Logs, Log{Level: int(level), Message: string(text)})
	return statusOK
}

func proxyGetProperty(ctx context.Context, m api.Module, ptr, size, outPtr, outSize uint32) uint32 {
	vm := vmOf(ctx)
	path, ok := vm.read(m, "proxy_get_property", ptr, size)
	s := vm.stream("proxy_get_property")
	if !ok || s == nil {
		return statusInvalidMemoryAccess
	}
	value, ok := s.properties[strings.ReplaceAll(string(path), "\x00", ".")]
	if !ok {
		return statusNotFound
	}
	return vm.give(m, []byte(value), outPtr, outSize)
}

func proxySetProperty(ctx context.Context, m api.Module, ptr, size, valuePtr, valueSize uint32) uint32 {
	vm := vmOf(ctx)
	key, ok1 := vm.read(m, "proxy_set_property", ptr, size)
	value, ok2 := vm.read(m, "proxy_set_property", valuePtr, valueSize)
	s := vm.stream("proxy_set_property")
	if !ok1 || !ok2 || s == nil {
		return statusInvalidMemoryAccess
	}
	s.FilterState[string(key)] = string(value)
	return statusOK
}

func proxySendLocalResponse(ctx context.Context, m api.Module,
	status, detailsPtr, detailsSize, bodyPtr, bodySize, headersPtr, headersSize uint32, grpcStatus int32,
) uint32 {
	const name = "proxy_send_local_response"
	vm := vmOf(ctx)
	_, ok1 := vm.read(m, name, detailsPtr, detailsSize)
	body, ok2 := vm.read(m, name, bodyPtr, bodySize)
	headers, ok3 := vm.readPairs(m, name, headersPtr, headersSize)
	s := vm.stream(name)
	if !ok1 || !ok2 || !ok3 || s == nil {
		return statusInvalidMemoryAccess
	}
	switch {
	case s.ended:
		vm.violation("a reply to stream %d, which has ended", s.id)
	case s.State == Replied:
		vm.violation("a second reply to stream %d: the client would hang", s.id)
	case s.State == Continued:
		vm.violation("a reply to stream %d after it went on", s.id)
	case status < 200 || status > 599:
		vm.violation("a reply with status %d", status)
	case grpcStatus != -1:
		vm.violation("a reply with gRPC status %d", grpcStatus)
	}
	s.State, s.Reply = Replied, &Reply{Status: int(status), Headers: headers, Body: body}
	return statusOK
}

func proxyGetHeaderMapPairs(ctx context.Context, m api.Module, mapType, outPtr, outSize uint32) uint32 {
	vm := vmOf(ctx)
	switch mapType {
	case mapRequestHeaders:
		s := vm.stream("proxy_get_header_map_pairs")
		if s == nil {
			return statusBadArgument
		}
		return vm.giveMap(m, s.headers, outPtr, outSize)
	case mapCallResponseHeaders:
		if vm.answering == nil {
			vm.violation("an answer's headers are read outside of its callback")
			return statusBadArgument
		}
		return vm.giveMap(m, vm.answering.answer, outPtr, outSize)
	}
	vm.violation("unexpected header map %d", mapType)
	return statusBadArgument
}

// Only of answers: the filter reads a request's headers whole.
func proxyGetHeaderMapValue(ctx context.Context, m api.Module, mapType, ptr, size, outPtr, outSize uint32) uint32 {
	vm := vmOf(ctx)
	name, ok := vm.read(m, "proxy_get_header_map_value", ptr, size)
	switch {
	case !ok:
		return statusInvalidMemoryAccess
	case mapType != mapCallResponseHeaders || vm.answering == nil:
		vm.violation("header %s of map %d is read where it does not exist", name, mapType)
		return statusBadArgument
	}
	for _, h := range vm.answering.answer {
		if h[0] == string(name) && vm.CutMaps {
			vm.write(m, outPtr, 8)
			return vm.write(m, outSize, uint32(len(h[1])))
		}
		if h[0] == string(name) {
			return vm.give(m, []byte(h[1]), outPtr, outSize)
		}
	}
	return statusNotFound
}

func proxyGetBufferBytes(ctx context.Context, m api.Module, buffer, start, length, outPtr, outSize uint32) uint32 {
	vm := vmOf(ctx)
	var data []byte
	switch {
	case buffer == bufferRequestBody:
		if s := vm.stream("proxy_get_buffer_bytes"); s != nil {
			data = s.body
		}
	case buffer == bufferCallResponseBody && vm.answering != nil:
		data = vm.answering.body
	case buffer == bufferPluginConfiguration && vm.configuring != nil:
		data = vm.configuring
	default:
		vm.violation("buffer %d is read where it does not exist", buffer)
		return statusNotFound
	}
	if int(start) > len(data) {
		start = uint32(len(data))
	}
	data = data[start:]
	return vm.give(m, data[:min(int(length), len(data))], outPtr, outSize)
}

func proxyHTTPCall(ctx context.Context, m api.Module, clusterPtr, clusterSize, headersPtr, headersSize,
	bodyPtr, bodySize, trailersPtr, trailersSize, timeoutMS, outID uint32,
) uint32 {
	const name = "proxy_http_call"
	vm := vmOf(ctx)
	cluster, ok1 := vm.read(m, name, clusterPtr, clusterSize)
	headers, ok2 := vm.readPairs(m, name, headersPtr, headersSize)
	body, ok3 := vm.read(m, name, bodyPtr, bodySize)
	_, ok4 := vm.readPairs(m, name, trailersPtr, trailersSize)
	s := vm.stream(name)
	if !ok1 || !ok2 || !ok3 || !ok4 || s == nil {
		return statusInvalidMemoryAccess
	}
	c := &Call{
		Cluster: string(cluster), Headers: headers, Body: body, TimeoutMS: timeoutMS,
		Stream: s, vm: vm, plugin: s.plugin, id: vm.newID(),
	}
	for _, required := range []string{":method", ":path", ":authority"} {
		if c.Header(required) == "" {
			vm.violation("a call to %s without %s", cluster, required)
			return statusBadArgument
		}
	}
	if timeoutMS == 0 {
		vm.violation("a call to %s without a timeout: it may never be answered", cluster)
	}
	if vm.FailDispatch != nil && vm.FailDispatch(c.Cluster) {
		return statusBadArgument
	}
	vm.calls = append(vm.calls, c)
	return vm.write(m, outID, c.id)
}

func proxySetTickPeriodMilliseconds(ctx context.Context, _ api.Module, period uint32) uint32 {
	vmOf(ctx).tickMS = period
	return statusOK
}

func proxySetEffectiveContext(ctx context.Context, _ api.Module, id uint32) uint32 {
	vm := vmOf(ctx)
	if vm.streams[id] == nil && vm.plugins[id] == nil {
		vm.violation("context %d is made the effective one, but does not exist", id)
		return statusBadArgument
	}
	vm.effective = id
	return statusOK
}

func proxyDefineMetric(ctx context.Context, m api.Module, kind, ptr, size, outID uint32) uint32 {
	vm := vmOf(ctx)
	raw, ok := vm.read(m, "proxy_define_metric", ptr, size)
	if !ok {
		return statusInvalidMemoryAccess
	}
	name := string(raw)
	if known := vm.Metrics[name]; known == nil {
		vm.Metrics[name] = &Metric{Kind: int(kind)}
		vm.metricNames = append(vm.metricNames, name)
	} else if known.Kind != int(kind) {
		vm.violation("metric %s is of kind %d and of kind %d", name, known.Kind, kind)
	}
	for i := range vm.metricNames {
		if vm.metricNames[i] == name {
			return vm.write(m, outID, uint32(i))
		}
	}
	return statusBadArgument
}

func (vm *VM) metric(id uint32, kind int) *Metric {
	if int(id) >= len(vm.metricNames) {
		vm.violation("metric %d was never defined", id)
		return nil
	}
	metric := vm.Metrics[vm.metricNames[id]]
	if metric.Kind != kind {
		vm.violation("metric %s has kind %d and is used as kind %d", vm.metricNames[id], metric.Kind, kind)
	}
	return metric
}

func proxyIncrementMetric(ctx context.Context, _ api.Module, id uint32, offset int64) uint32 {
	metric := vmOf(ctx).metric(id, 0)
	if metric == nil {
		return statusNotFound
	}
	metric.Value += offset
	return statusOK
}

func proxyRecordMetric(ctx context.Context, _ api.Module, id uint32, value uint64) uint32 {
	metric := vmOf(ctx).metric(id, 2)
	if metric == nil {
		return statusNotFound
	}
	metric.Recorded = append(metric.Recorded, value)
	return statusOK
}
