package wasmhost

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero/api"
)

// hollow is the smallest module that a VM takes: one page of memory, ABI 0.2.0,
// _initialize, and an allocator that returns address 1024.
var hollow = []byte("\x00asm\x01\x00\x00\x00" +
	"\x01\x09\x02\x60\x00\x00\x60\x01\x7f\x01\x7f" + // types: () -> (), (i32) -> i32
	"\x03\x04\x03\x00\x00\x01" + // functions
	"\x05\x03\x01\x00\x01" + // memory
	"\x07\x4d\x04\x06memory\x02\x00\x0b_initialize\x00\x00\x17proxy_abi_version_0_2_0\x00\x01" +
	"\x18proxy_on_memory_allocate\x00\x02" +
	"\x0a\x0d\x03\x02\x00\x0b\x02\x00\x0b\x05\x00\x41\x80\x08\x0b") // code

// recorder is a T that collects what is reported.
type recorder struct {
	testing.TB
	reports []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.reports = append(r.reports, fmt.Sprintf(format, args...))
}

// What Envoy takes silently, or answers with a hang, is reported.
func TestStrictness(t *testing.T) {
	const past = 1 << 16 // one page
	reply := func(vm *VM, m api.Module, status uint32) {
		proxySendLocalResponse(vm.ctx, m, status, 0, 0, 0, 0, 0, 0, -1)
	}
	call := func(vm *VM, m api.Module, timeoutMS uint32, headers ...[2]string) {
		pairs := encodePairs(headers)
		m.Memory().Write(64, pairs)
		proxyHTTPCall(vm.ctx, m, 0, 1, 64, uint32(len(pairs)), 0, 0, 0, 0, timeoutMS, 0)
	}
	target := [][2]string{{":method", "GET"}, {":path", "/"}, {":authority", "a"}}
	cases := map[string]struct {
		do   func(vm *VM, m api.Module, s *Stream)
		want string
	}{
		"nothing wrong": {func(vm *VM, m api.Module, _ *Stream) {
			call(vm, m, 1, target...)
			reply(vm, m, 200)
		}, ""},
		"second reply": {func(vm *VM, m api.Module, _ *Stream) { reply(vm, m, 200); reply(vm, m, 200) }, "a second reply"},
		"reply after the request went on": {func(vm *VM, m api.Module, s *Stream) {
			s.State = Continued
			reply(vm, m, 200)
		}, "after it went on"},
		"reply to a stream that is gone": {func(vm *VM, m api.Module, s *Stream) {
			delete(vm.streams, s.id)
			reply(vm, m, 200)
		}, "which is no stream"},
		"reply without a status": {func(vm *VM, m api.Module, _ *Stream) { reply(vm, m, 0) }, "status 0"},
		"deleted context": {func(vm *VM, m api.Module, _ *Stream) {
			proxySetEffectiveContext(vm.ctx, m, 99)
		}, "does not exist"},
		"pointer past memory": {func(vm *VM, m api.Module, _ *Stream) {
			proxyLog(vm.ctx, m, 2, past-1, 2)
		}, "outside of memory"},
		"result past memory": {func(vm *VM, m api.Module, _ *Stream) {
			proxyGetHeaderMapPairs(vm.ctx, m, mapRequestHeaders, past, 0)
		}, "outside of memory"},
		"malformed map": {func(vm *VM, m api.Module, _ *Stream) {
			m.Memory().Write(64, binary.LittleEndian.AppendUint32(nil, 7))
			proxySendLocalResponse(vm.ctx, m, 200, 0, 0, 0, 0, 64, 4, -1)
		}, "malformed map"},
		"call without a path":    {func(vm *VM, m api.Module, _ *Stream) { call(vm, m, 1, target[0], target[2]) }, "without :path"},
		"call without a timeout": {func(vm *VM, m api.Module, _ *Stream) { call(vm, m, 0, target...) }, "without a timeout"},
		"answer read too late": {func(vm *VM, m api.Module, _ *Stream) {
			proxyGetBufferBytes(vm.ctx, m, bufferCallResponseBody, 0, 1, 0, 4)
		}, "where it does not exist"},
		"unknown metric": {func(vm *VM, m api.Module, _ *Stream) { proxyIncrementMetric(vm.ctx, m, 3, 1) }, "never defined"},
		"metric of two kinds": {func(vm *VM, m api.Module, _ *Stream) {
			proxyDefineMetric(vm.ctx, m, 0, 0, 1, 8)
			proxyRecordMetric(vm.ctx, m, 0, 1)
		}, "used as kind 2"},
	}
	module, err := compile(context.Background(), hollow)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := &recorder{TB: t}
			vm := module.NewVM(r)
			p := &Plugin{vm: vm, id: vm.newID()}
			vm.plugins[p.id] = p
			s := &Stream{vm: vm, plugin: p, id: vm.newID(), headers: target, FilterState: map[string]string{}}
			vm.streams[s.id], vm.current = s, s.id
			c.do(vm, vm.instance, s)
			got := strings.Join(r.reports, "; ")
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("reported %q, want %q", got, c.want)
			}
		})
	}
}
