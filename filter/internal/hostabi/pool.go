package hostabi

import (
	"encoding/binary"
	"math/bits"

	"github.com/tutti-mesh/tutti/filter/jsontext"
)

// What a pool keeps at most while nobody uses it. It has to hold what the
// concurrent requests of one worker use at once, or the collector does the
// work; linear memory never shrinks, so more would stay resident for ever.
const maxIdleBytes = 16 << 20

// A buffer larger than this is left to the collector.
const maxPooledBytes = maxIdleBytes / 4

// Sizes have four steps per doubling, from 64 bytes: at most a fifth is wasted.
const (
	minClassShift = 4
	minClassBytes = 4 << minClassShift
	classCount    = 65
)

// freed marks the last bytes of an idle buffer. A buffer that bears it when it
// is freed was freed before, and two requests would come to share it.
const freed = 0x7a1e_5eed_0ddc_0ffe

// pool hands out buffers by size class and takes them back.
type pool struct {
	idle      [classCount][][]byte
	idleBytes int
}

// classOf is the index of the smallest class that holds n bytes.
func classOf(n int) int {
	if n <= minClassBytes {
		return 0
	}
	shift := bits.Len(uint(n-1)) - 3
	return (shift-minClassShift)*4 + (n-1)>>shift - 3
}

// classBytes is the capacity of every buffer of a class.
func classBytes(class int) int {
	if class == 0 {
		return minClassBytes
	}
	return (5 + (class-1)%4) << (minClassShift + (class-1)/4)
}

// get returns n bytes of unspecified content, with jsontext.Padding zero bytes
// behind them within the capacity.
func (p *pool) get(n int) []byte {
	b := p.take(n + jsontext.Padding)
	clear(b[n : n+jsontext.Padding])
	return b[:n]
}

// take returns a buffer of at least n bytes at its full length.
func (p *pool) take(n int) []byte {
	if n > maxPooledBytes {
		return make([]byte, n)
	}
	class := classOf(n)
	list := p.idle[class]
	if len(list) == 0 {
		return make([]byte, classBytes(class))
	}
	last := len(list) - 1
	b := list[last]
	list[last] = nil
	p.idle[class] = list[:last]
	p.idleBytes -= len(b)
	clear(b[len(b)-8:])
	return b
}

// put takes a buffer back. One that no pool made is left to the collector.
func (p *pool) put(b []byte) {
	size := cap(b)
	if size < minClassBytes || size > maxPooledBytes {
		return
	}
	class := classOf(size)
	if classBytes(class) != size {
		return
	}
	b = b[:size]
	tail := b[size-8:]
	if binary.LittleEndian.Uint64(tail) == freed {
		panic("hostabi: a buffer was freed twice")
	}
	if p.idleBytes+size > maxIdleBytes && !p.makeRoom(class, size) {
		return
	}
	binary.LittleEndian.PutUint64(tail, freed)
	p.idle[class] = append(p.idle[class], b)
	p.idleBytes += size
}

// makeRoom drops idle buffers of the class that holds most bytes, so that a
// burst of one size does not keep the pool from the sizes that come after it.
// It returns false if that is the class in question.
func (p *pool) makeRoom(class, size int) bool {
	for p.idleBytes+size > maxIdleBytes {
		most := class
		for c := range p.idle {
			if len(p.idle[c])*classBytes(c) > len(p.idle[most])*classBytes(most) {
				most = c
			}
		}
		if most == class {
			return false
		}
		last := len(p.idle[most]) - 1
		p.idle[most][last] = nil
		p.idle[most] = p.idle[most][:last]
		p.idleBytes -= classBytes(most)
	}
	return true
}

// buffers is the VM's pool.
var buffers pool

// Buffer returns n bytes of unspecified content from the pool, padded as
// jsontext.Valid wants it.
func Buffer(n int) []byte { return buffers.get(n) }

// Free hands buffers back to the pool. The caller must not use them, nor any
// string that aliases them, afterwards. Nil and foreign buffers are ignored.
func Free(bufs ...[]byte) {
	for _, b := range bufs {
		buffers.put(b)
	}
}
