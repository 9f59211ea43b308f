// Package sim runs scenarios: a plan, what arrives in which order, and what the
// filter is to do about it. The same scenario runs on the native engine and on
// the compiled module (see wasmhost), and both must write the same transcript.
//
// A scenario is one text file. The plan stands first, then lines:
//
//	> start a GET /products/42 x-request-id=r1    the headers of request a; + at the end of the line: a body follows
//	> body a {"x":1}                              a chunk; + at the end of the line: more follows
//	> trailers a                                  the end of a request with trailers
//	> answer a product 200 {"id":42}              headers may follow the status: content-encoding=gzip
//	> answer a product reset
//	> wait 150ms
//	> leave a
//	> unknown upstream_x                          from here on the host has no such cluster
//	a: call product GET /v1/products/42 ...       what the filter did: compared, or rewritten with -update
//	a: reply 200 ...
package sim

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Driver is something that runs a plan: the engine, or the module in a host.
// Each event returns what the filter did about it, in order.
type Driver interface {
	Configure(plan []byte) error
	Start(request string, headers [][2]string, ended bool) []Did
	Body(request string, chunk []byte, ended bool) []Did
	Trailers(request string) []Did
	// Answer delivers to the oldest unanswered call of request to cluster. A
	// nil headers means that the stream was reset.
	Answer(request string, call int, headers [][2]string, body []byte) []Did
	Leave(request string) []Did
	Wait(d time.Duration)
	// Unknown makes dispatching to a cluster fail from now on.
	Unknown(cluster string)
	// Close ends what the driver holds and reports what it found wrong.
	Close() error
}

// Did is one thing that the filter did. Exactly one field is set.
type Did struct {
	Call  *Call
	Reply *Reply
	// Pass: the request went on to its service.
	Pass bool
	// End is the outcome that metrics and access log got, as
	// "outcome [step:reason]".
	End string
}

// Call is a request to an upstream.
type Call struct {
	// ID is how the driver knows it.
	ID        int
	Cluster   string
	Headers   [][2]string
	Body      []byte
	TimeoutMS uint32
}

// Reply is an answer to the client.
type Reply struct {
	Status  int
	Headers [][2]string
	Body    []byte
}

// Run plays a scenario's script on a driver and returns the transcript: the
// script's own lines with what the filter did written anew.
func Run(script []byte, d Driver) ([]byte, error) {
	p := player{driver: d, calls: map[string][]pending{}}
	for n, line := range strings.Split(strings.TrimRight(string(script), "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "> "):
			p.out.WriteString(line + "\n")
			if err := p.event(line[2:]); err != nil {
				return nil, fmt.Errorf("script line %d: %q: %w", n+1, line, err)
			}
		case line == "" || strings.HasPrefix(line, "#"):
			p.out.WriteString(line + "\n")
		}
	}
	if err := d.Close(); err != nil {
		return nil, err
	}
	return p.out.Bytes(), nil
}

type pending struct {
	id   int
	name string
}

type player struct {
	driver Driver
	out    bytes.Buffer
	calls  map[string][]pending // by request: calls not answered yet
}

func (p *player) event(line string) error {
	more := strings.HasSuffix(line, " +")
	line = strings.TrimSuffix(line, " +")
	verb, rest, _ := strings.Cut(line, " ")
	request, rest, _ := strings.Cut(rest, " ")
	switch verb {
	case "start":
		words := strings.Fields(rest)
		if len(words) < 2 {
			return fmt.Errorf("want: start REQUEST METHOD PATH [header=value ...]")
		}
		h := [][2]string{{":method", words[0]}, {":path", words[1]}, {":authority", "shop.example"}, {":scheme", "http"}}
		p.write(request, p.driver.Start(request, append(h, fields(words[2:])...), !more))
	case "body":
		p.write(request, p.driver.Body(request, expand(rest), !more))
	case "trailers":
		p.write(request, p.driver.Trailers(request))
	case "answer":
		return p.answer(request, rest)
	case "leave":
		p.write(request, p.driver.Leave(request))
	case "wait":
		d, err := time.ParseDuration(request)
		if err != nil {
			return err
		}
		p.driver.Wait(d)
	case "unknown":
		p.driver.Unknown(request)
	default:
		return fmt.Errorf("unknown event %q", verb)
	}
	return nil
}

// answer finds the call by the cluster it went to, without "upstream_".
func (p *player) answer(request, rest string) error {
	name, rest, _ := strings.Cut(rest, " ")
	for i, c := range p.calls[request] {
		if c.name != name {
			continue
		}
		p.calls[request] = append(p.calls[request][:i:i], p.calls[request][i+1:]...)
		headers, body, err := parseAnswer(rest)
		if err != nil {
			return err
		}
		p.write(request, p.driver.Answer(request, c.id, headers, body))
		return nil
	}
	return fmt.Errorf("no call of %s to %s waits for an answer", request, name)
}

func parseAnswer(s string) (headers [][2]string, body []byte, err error) {
	status, rest, _ := strings.Cut(s, " ")
	if status == "reset" {
		return nil, nil, nil
	}
	if _, err := strconv.Atoi(status); err != nil {
		return nil, nil, fmt.Errorf("want a status or reset, not %q", status)
	}
	headers = [][2]string{{":status", status}}
	for {
		word, after, _ := strings.Cut(rest, " ")
		if k, v, ok := strings.Cut(word, "="); ok && k != "" && strings.Trim(k, "abcdefghijklmnopqrstuvwxyz-") == "" {
			headers = append(headers, [2]string{k, v})
			rest = after
			continue
		}
		return headers, expand(rest), nil
	}
}

// expand replaces a body "<N bytes>" by a JSON string of that size.
func expand(s string) []byte {
	var n int
	if _, err := fmt.Sscanf(s, "<%d bytes>", &n); err == nil && n >= 2 {
		return []byte(`"` + strings.Repeat("x", n-2) + `"`)
	}
	return []byte(s)
}

func fields(words []string) [][2]string {
	var h [][2]string
	for _, w := range words {
		k, v, _ := strings.Cut(w, "=")
		h = append(h, [2]string{k, v})
	}
	return h
}

func (p *player) write(request string, dids []Did) {
	for _, d := range dids {
		fmt.Fprintf(&p.out, "%s: ", request)
		switch {
		case d.Call != nil:
			name := strings.TrimPrefix(d.Call.Cluster, "upstream_")
			p.calls[request] = append(p.calls[request], pending{d.Call.ID, name})
			fmt.Fprintf(&p.out, "call %s timeout=%dms%s%s\n", name, d.Call.TimeoutMS, words(d.Call.Headers), text(d.Call.Body))
		case d.Reply != nil:
			fmt.Fprintf(&p.out, "reply %d%s%s\n", d.Reply.Status, words(d.Reply.Headers), text(d.Reply.Body))
		case d.Pass:
			p.out.WriteString("pass\n")
		default:
			fmt.Fprintf(&p.out, "end %s\n", d.End)
		}
	}
}

// usual are headers that every call has; leaving them out keeps transcripts
// readable, and their presence has a scenario of its own (forward.txt).
var usual = map[string]string{"accept": "application/json", "accept-encoding": "identity", "tutti-hops": "1", ":authority": "", "content-type": "application/json"}

func words(headers [][2]string) string {
	var b strings.Builder
	for _, h := range headers {
		want, known := usual[h[0]]
		switch {
		case h[0] == ":method" || h[0] == ":path":
			b.WriteString(" " + h[1])
		case known && (want == "" || want == h[1]):
		default:
			fmt.Fprintf(&b, " %s=%q", h[0], h[1])
		}
	}
	return b.String()
}

func text(body []byte) string {
	switch {
	case len(body) == 0:
		return ""
	case len(body) > 400:
		return fmt.Sprintf(" <%d bytes>", len(body))
	}
	return " " + string(body)
}
