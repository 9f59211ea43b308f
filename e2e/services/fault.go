package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Fault says how a service misbehaves. PUT /_fault with one replaces the fault
// of the same prefix; DELETE /_fault takes all away and lets held requests go.
type Fault struct {
	// Prefix of the paths that it applies to; the longest that fits wins.
	Prefix string `json:"prefix"`
	// Times is how many requests it applies to; 0 is all.
	Times int `json:"times,omitempty"`
	// Delay is waited before anything else happens. Spread adds a part of
	// itself that depends on the path alone, so that answers overtake each
	// other in the same way in every run. Both as Go durations: "150ms".
	Delay  string `json:"delay,omitempty"`
	Spread string `json:"spread,omitempty"`
	// Status is answered instead of the service's own; 0 leaves it.
	Status int `json:"status,omitempty"`
	// Body is what happens to the answer: see the constants. Empty leaves it.
	Body BodyKind `json:"body,omitempty"`
	// Text is the body of kind text; Bytes the size of kind big.
	Text  string `json:"text,omitempty"`
	Bytes int    `json:"bytes,omitempty"`
	// Headers are set on the answer; Trailers follow its body.
	Headers  map[string]string `json:"headers,omitempty"`
	Trailers map[string]string `json:"trailers,omitempty"`
}

// BodyKind is a way to spoil an answer.
type BodyKind string

const (
	// Broken is JSON that ends too early.
	Broken BodyKind = "broken-json"
	// NotJSON is an HTML page.
	NotJSON BodyKind = "not-json"
	// Empty is no body at all.
	Empty BodyKind = "empty"
	// Text is Fault.Text, as JSON by its content type.
	Text BodyKind = "text"
	// Big is valid JSON of Fault.Bytes bytes.
	Big BodyKind = "big"
	// Reset cuts the connection (HTTP/2: the stream) in the middle of the body.
	Reset BodyKind = "reset"
	// Close cuts it before any byte of an answer.
	Close BodyKind = "close"
	// Hold answers as usual, but only after the fault has been taken away.
	Hold BodyKind = "hold"
)

// armed is a fault in force.
type armed struct {
	Fault
	left          int // requests it still applies to, if Times is not 0
	delay, spread time.Duration
	released      chan struct{} // closed when the fault is taken away
}

func arm(f Fault) (*armed, error) {
	a := &armed{Fault: f, left: f.Times, released: make(chan struct{})}
	for _, d := range []struct {
		name, text string
		to         *time.Duration
	}{{"delay", f.Delay, &a.delay}, {"spread", f.Spread, &a.spread}} {
		if d.text == "" {
			continue
		}
		parsed, err := time.ParseDuration(d.text)
		if err != nil || parsed < 0 {
			return nil, fmt.Errorf("%s: %q is no duration such as 150ms", d.name, d.text)
		}
		*d.to = parsed
	}
	switch f.Body {
	case "", Broken, NotJSON, Empty, Text, Reset, Close, Hold:
	case Big:
		if f.Bytes < len(bigHead)+len(bigTail) {
			return nil, fmt.Errorf("bytes: %d is too few for body %q", f.Bytes, Big)
		}
	default:
		return nil, fmt.Errorf("body: unknown kind %q", f.Body)
	}
	return a, nil
}

// faults are the faults in force, by prefix. Safe for concurrent use.
type faults struct {
	mu sync.Mutex
	by map[string]*armed
}

func (fs *faults) put(a *armed) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if old := fs.by[a.Prefix]; old != nil {
		close(old.released)
	}
	fs.by[a.Prefix] = a
}

func (fs *faults) clear() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, a := range fs.by {
		close(a.released)
	}
	fs.by = map[string]*armed{}
}

// take gives the fault for a path, if any, and counts its use.
func (fs *faults) take(path string) *armed {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var best *armed
	for prefix, a := range fs.by {
		if strings.HasPrefix(path, prefix) && (best == nil || len(prefix) > len(best.Prefix)) {
			best = a
		}
	}
	if best == nil || best.Times > 0 && best.left == 0 {
		return nil
	}
	best.left--
	return best
}

// apply answers r with the fault, calling next for the service's own answer.
func (a *armed) apply(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if wait := a.delay + part(a.spread, r.URL.RequestURI()); wait > 0 {
		select {
		case <-time.After(wait):
		case <-r.Context().Done():
			return
		}
	}
	if a.Body == Hold {
		select {
		case <-a.released:
		case <-r.Context().Done():
			return
		}
	}
	for name := range a.Trailers {
		w.Header().Add("Trailer", name)
	}
	a.answer(&overlay{ResponseWriter: w, fault: a}, r, next)
	for name, value := range a.Trailers {
		w.Header().Set(name, value)
	}
}

func (a *armed) answer(w *overlay, r *http.Request, next http.Handler) {
	switch a.Body {
	case "", Hold:
		next.ServeHTTP(w, r)
	case Broken:
		a.write(w, "application/json", `{"id": "7", "name": "cut o`)
	case NotJSON:
		a.write(w, "text/html; charset=utf-8", "<!doctype html>\n<p>Something else.\n")
	case Empty:
		w.WriteHeader(http.StatusOK)
	case Text:
		a.write(w, "application/json", a.Text)
	case Big:
		a.write(w, "application/json", big(a.Bytes))
	case Reset:
		w.Header().Set("Content-Length", "1000")
		a.write(w, "application/json", `{"id": "7", `)
		http.NewResponseController(w.ResponseWriter).Flush()
		cut(w.ResponseWriter)
	case Close:
		cut(w.ResponseWriter)
	}
}

func (a *armed) write(w *overlay, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(http.StatusOK)
	io.WriteString(w, body)
}

// overlay puts the fault's status and headers over the service's own.
type overlay struct {
	http.ResponseWriter
	fault *armed
	wrote bool
}

func (o *overlay) WriteHeader(status int) {
	o.wrote = true
	for name, value := range o.fault.Headers {
		o.Header().Set(name, value)
	}
	if o.fault.Status != 0 {
		status = o.fault.Status
	}
	o.ResponseWriter.WriteHeader(status)
}

func (o *overlay) Write(b []byte) (int, error) {
	if !o.wrote {
		o.WriteHeader(http.StatusOK)
	}
	return o.ResponseWriter.Write(b)
}

// cut ends the connection with a TCP reset, or the HTTP/2 stream with
// RST_STREAM, whatever has been sent.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		// HTTP/2 has no connection to take over; this is its way to reset.
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

const (
	bigHead = `{"pad":"`
	bigTail = `"}`
)

// big is valid JSON of exactly size bytes.
func big(size int) string {
	return bigHead + strings.Repeat("x", size-len(bigHead)-len(bigTail)) + bigTail
}

// part is a fraction of whole that depends on key alone.
func part(whole time.Duration, key string) time.Duration {
	if whole == 0 {
		return 0
	}
	h := fnv.New32a()
	io.WriteString(h, key)
	return time.Duration(h.Sum32()) % whole
}

// decodeFault reads one Fault, strictly.
func decodeFault(r io.Reader) (*armed, error) {
	var f Fault
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("the body must be one fault as JSON: %w", err)
	}
	return arm(f)
}
