package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// size is what one cell's upstreams answer and how many of them are called.
type size struct {
	name  string // the last segment of the request's path
	bytes int    // of one answer
	calls int
}

var sizes = []size{
	{"1k", 1 << 10, 3},
	{"64k", 64 << 10, 3},
	{"10x4k", 4 << 10, 10},
}

const upstreams = 10

// letter names an upstream: in its answer, in the composed answer, in policies.
func letter(upstream int) string { return string(rune('a' + upstream)) }

// answerBody is what an upstream sends: small objects, as a list of a shop's
// API would be, filled up to the exact size. Each upstream's answer differs, so that
// none can stand for another.
func answerBody(upstream, bytes int) []byte {
	const end = `],"pad":""}`
	b := fmt.Appendf(nil, `{"upstream":%q,"items":[`, letter(upstream))
	for i := 0; ; i++ {
		item := fmt.Sprintf(`{"id":%d,"name":"item number %d","price":%d.25,"tags":["a","b","c"],"active":true,"owner":{"first":"Ada","last":"Lovelace"}}`, i, i, i)
		if i > 0 {
			item = "," + item
		}
		if len(b)+len(item)+len(end) > bytes {
			break
		}
		b = append(b, item...)
	}
	pad := strings.Repeat("x", bytes-len(b)-len(end))
	return append(b, `],"pad":"`+pad+`"}`...)
}

// upstreamHandler answers a request for /anything/SIZE.
func upstreamHandler(upstream int) http.Handler {
	bodies := map[string][]byte{}
	for _, s := range sizes {
		bodies[s.name] = answerBody(upstream, s.bytes)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := bodies[path.Base(r.URL.Path)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // the client may have gone
	})
}

// runUpstream serves every upstream on a port of its own and prints the
// addresses, one a line. It never returns but for an error.
func runUpstream(stdout io.Writer) error {
	failed := make(chan error)
	for i := range upstreams {
		if err := serve(stdout, upstreamHandler(i), failed); err != nil {
			return err
		}
	}
	return <-failed
}

// serve listens on a free port of loopback and prints it.
func serve(stdout io.Writer, handler http.Handler, failed chan<- error) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, listener.Addr())
	go func() { failed <- http.Serve(listener, handler) }()
	return nil
}
