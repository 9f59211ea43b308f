//go:build unix

package jsontext

import (
	"os"
	"syscall"
	"testing"
)

// guard places bytes directly before a page that must not be read: an access
// behind the end ends the test process.
type guard struct{ mem []byte }

func newGuard(t testing.TB, size int) guard {
	page := os.Getpagesize()
	n := (size + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, n+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(mem) })
	if err := syscall.Mprotect(mem[n:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	return guard{mem[:n:n]}
}

// exact is b with nothing behind it.
func (g guard) exact(b []byte) []byte {
	at := len(g.mem) - len(b)
	copy(g.mem[at:], b)
	return g.mem[at:]
}

// padded is b with just the padding behind it, of which only the first byte is
// zero.
func (g guard) padded(b []byte) []byte {
	at := len(g.mem) - len(b) - Padding
	n := copy(g.mem[at:], b)
	for i := range Padding {
		g.mem[at+n+i] = `"{[1,\uae" "]}}]`[i]
	}
	g.mem[at+n] = 0
	return g.mem[at : at+n]
}
