package hostabi

import (
	"testing"

	"github.com/tutti-mesh/tutti/filter/jsontext"
)

func TestClasses(t *testing.T) {
	last := 0
	for c := 0; c < classCount; c++ {
		size := classBytes(c)
		if size <= last {
			t.Fatalf("class %d has %d bytes, the one before %d", c, size, last)
		}
		if classOf(size) != c || classOf(last+1) != c {
			t.Fatalf("class %d holds %d..%d, but classOf says %d..%d", c, last+1, size, classOf(last+1), classOf(size))
		}
		if last > 0 && size-last > last/4 {
			t.Fatalf("class %d wastes more than a fifth: %d after %d", c, size, last)
		}
		last = size
	}
	if last < maxPooledBytes {
		t.Fatalf("the largest class has %d bytes, but buffers up to %d are pooled", last, maxPooledBytes)
	}
}

func TestBuffersArePaddedAndReused(t *testing.T) {
	var p pool
	for _, n := range []int{0, 1, 47, 48, 49, 1000, 1024, 67_000, maxPooledBytes, maxPooledBytes + 1} {
		b := p.get(n)
		full := b[:n+jsontext.Padding]
		for i := range full {
			full[i] = 0xff
		}
		p.put(b)
		again := p.get(n)
		if len(again) != n {
			t.Fatalf("got %d bytes, asked for %d", len(again), n)
		}
		for i, c := range again[n : n+jsontext.Padding] {
			if c != 0 {
				t.Fatalf("%d bytes: padding byte %d is %#x", n, i, c)
			}
		}
		if pooled := n+jsontext.Padding <= maxPooledBytes; pooled != (&again[:1][0] == &b[:1][0]) {
			t.Errorf("%d bytes: pooled %v, but reused %v", n, pooled, !pooled)
		}
	}
}

func TestPoolIsBounded(t *testing.T) {
	var p pool
	fill := func(size int) {
		var bufs [][]byte
		for got := 0; got < 3*maxIdleBytes; got += size {
			bufs = append(bufs, p.get(size))
		}
		for _, b := range bufs {
			p.put(b)
		}
		if p.idleBytes > maxIdleBytes {
			t.Fatalf("idle: %d bytes, limit %d", p.idleBytes, maxIdleBytes)
		}
	}
	fill(100_000)
	fill(8_000)
	if small := len(p.idle[classOf(8_000+jsontext.Padding)]); small < 100 {
		t.Errorf("the burst of large buffers leaves room for %d small ones", small)
	}
	idle := 0
	for c := range p.idle {
		idle += len(p.idle[c]) * classBytes(c)
	}
	if idle != p.idleBytes {
		t.Errorf("idle: %d bytes, counted %d", idle, p.idleBytes)
	}
}

func TestSecondFreePanics(t *testing.T) {
	var p pool
	b := p.get(10)
	p.put(b)
	defer func() {
		if recover() == nil {
			t.Error("a second free of the same buffer went through")
		}
	}()
	p.put(b)
}

func TestForeignBuffersAreIgnored(t *testing.T) {
	var p pool
	p.put(nil)
	p.put(make([]byte, 65))
	p.put(make([]byte, 2*maxPooledBytes))
	if p.idleBytes != 0 {
		t.Errorf("idle: %d bytes", p.idleBytes)
	}
}
