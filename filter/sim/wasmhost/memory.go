package wasmhost

import (
	"bytes"
	"encoding/binary"

	"github.com/tetratelabs/wazero/api"
)

// read copies bytes out of the module's memory.
func (vm *VM) read(m api.Module, function string, ptr, size uint32) ([]byte, bool) {
	b, ok := m.Memory().Read(ptr, size)
	if !ok {
		vm.violation("%s with %d bytes at %#x, outside of memory", function, size, ptr)
		return nil, false
	}
	return bytes.Clone(b), true
}

// readPairs reads a map in the ABI's form, as strictly as proxy-wasm-cpp-host
// does (PairsUtil::toPairs), which takes a malformed map for an empty one.
func (vm *VM) readPairs(m api.Module, function string, ptr, size uint32) ([][2]string, bool) {
	b, ok := vm.read(m, function, ptr, size)
	if !ok || len(b) == 0 {
		return nil, ok
	}
	pairs, ok := decodePairs(b)
	if !ok {
		vm.violation("%s with a malformed map: %q", function, b)
	}
	return pairs, ok
}

// write writes one word.
func (vm *VM) write(m api.Module, ptr, value uint32) uint32 {
	if !m.Memory().WriteUint32Le(ptr, value) {
		vm.violation("a result is wanted at %#x, outside of memory", ptr)
		return statusInvalidMemoryAccess
	}
	return statusOK
}

// give hands bytes over in memory that the module allocates for it. Nothing is
// allocated for no bytes.
func (vm *VM) give(m api.Module, data []byte, outPtr, outSize uint32) uint32 {
	var ptr uint32
	if len(data) > 0 {
		results, err := vm.allocate.Call(vm.ctx, uint64(len(data)))
		if err != nil {
			vm.t.Fatalf("wasmhost: proxy_on_memory_allocate(%d): %v", len(data), err)
		}
		ptr = uint32(results[0])
		if ptr == 0 || !m.Memory().Write(ptr, data) {
			vm.violation("proxy_on_memory_allocate(%d) returned %#x", len(data), ptr)
			return statusInvalidMemoryAccess
		}
	}
	if status := vm.write(m, outPtr, ptr); status != statusOK {
		return status
	}
	return vm.write(m, outSize, uint32(len(data)))
}

// giveMap hands a header map over.
func (vm *VM) giveMap(m api.Module, pairs [][2]string, outPtr, outSize uint32) uint32 {
	data := encodePairs(pairs)
	if vm.CutMaps {
		data = data[:min(len(data), 6)]
	}
	return vm.give(m, data, outPtr, outSize)
}

// encodePairs is the ABI's form of a map; none at all has no bytes.
func encodePairs(pairs [][2]string) []byte {
	if len(pairs) == 0 {
		return nil
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(pairs)))
	for _, p := range pairs {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p[0])))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p[1])))
	}
	for _, p := range pairs {
		b = append(append(b, p[0]...), 0)
		b = append(append(b, p[1]...), 0)
	}
	return b
}

func decodePairs(b []byte) (pairs [][2]string, ok bool) {
	if len(b) < 4 {
		return nil, false
	}
	n := int(binary.LittleEndian.Uint32(b))
	sizes := b[4:]
	if n > 1024 || len(sizes) < 8*n {
		return nil, false
	}
	data := sizes[8*n:]
	for i := range n {
		var p [2]string
		for j := range p {
			size := int(binary.LittleEndian.Uint32(sizes[8*i+4*j:]))
			if len(data) <= size || data[size] != 0 {
				return nil, false
			}
			p[j], data = string(data[:size]), data[size+1:]
		}
		pairs = append(pairs, p)
	}
	return pairs, len(data) == 0
}
