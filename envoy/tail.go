package envoy

import (
	"bytes"
	"io"
	"sync"
)

// tailBytes is how much of Envoy's output is kept for its last words.
const tailBytes = 8 << 10

// tail forwards what is written to it and remembers the end.
type tail struct {
	next io.Writer

	mu  sync.Mutex
	buf []byte // guarded by mu
}

func newTail(next io.Writer) *tail {
	if next == nil {
		next = io.Discard
	}
	return &tail{next: next}
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailBytes; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	t.mu.Unlock()
	return t.next.Write(p)
}

// lastWords are the last lines that were written, indented, or a note that
// there were none.
func (t *tail) lastWords() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if words := lastLines(bytes.ToValidUTF8(t.buf, nil), 8); words != "" {
		return words
	}
	return " (none)"
}
