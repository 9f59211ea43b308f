package hostabi

import (
	"encoding/binary"
	"unsafe"
)

// HeaderMap is a header map as Envoy handed it over, in one buffer that its
// strings alias. The zero value is an empty map; one HeaderMap can be filled
// again and again.
type HeaderMap struct {
	pairs [][2]string
	buf   []byte
}

// Len is the number of headers, pseudo-headers included.
func (m *HeaderMap) Len() int { return len(m.pairs) }

// At is the i-th header. The strings hold until Free.
func (m *HeaderMap) At(i int) (name, value string) { return m.pairs[i][0], m.pairs[i][1] }

// Free empties the map and hands its buffer back to the pool.
func (m *HeaderMap) Free() {
	if m.buf == nil {
		return
	}
	buf := m.buf
	clear(m.pairs)
	m.pairs, m.buf = m.pairs[:0], nil
	Free(buf)
}

// set takes ownership of buf, a map in the ABI's form: the number of pairs, the
// lengths of each name and value (all 32 bits, little-endian), then the names
// and values, each ended by a zero byte. No bytes at all are an empty map.
func (m *HeaderMap) set(buf []byte) {
	m.Free()
	if len(buf) < 4 {
		Free(buf)
		return
	}
	m.buf = buf
	n := int(binary.LittleEndian.Uint32(buf))
	sizes, data := buf[4:4+8*n], buf[4+8*n:]
	for ; n > 0; n-- {
		var p [2]string
		p[0], data = cutString(data, binary.LittleEndian.Uint32(sizes))
		p[1], data = cutString(data, binary.LittleEndian.Uint32(sizes[4:]))
		sizes = sizes[8:]
		m.pairs = append(m.pairs, p)
	}
}

// cutString is the first n bytes of data as a string that aliases them, and
// what follows the zero byte behind.
func cutString(data []byte, n uint32) (string, []byte) {
	s := data[:n]
	return unsafe.String(unsafe.SliceData(s), len(s)), data[n+1:]
}

// encodePairs writes pairs in the ABI's form into a pooled buffer.
func encodePairs(pairs [][2]string) []byte {
	size := 4
	for i := range pairs {
		size += 8 + len(pairs[i][0]) + 1 + len(pairs[i][1]) + 1
	}
	buf := buffers.get(size)
	binary.LittleEndian.PutUint32(buf, uint32(len(pairs)))
	sizes, data := buf[4:], buf[4+8*len(pairs):]
	for i := range pairs {
		binary.LittleEndian.PutUint32(sizes, uint32(len(pairs[i][0])))
		binary.LittleEndian.PutUint32(sizes[4:], uint32(len(pairs[i][1])))
		sizes = sizes[8:]
		for _, s := range pairs[i] {
			n := copy(data, s)
			data[n] = 0
			data = data[n+1:]
		}
	}
	return buf
}
