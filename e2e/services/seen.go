package main

import (
	"net/http"
	"strings"
	"sync"
)

// seenLimit bounds how many requests are kept in full; all are counted.
const seenLimit = 1000

// Sighting is one request as the service saw it.
type Sighting struct {
	Protocol string              `json:"protocol"`
	Method   string              `json:"method"`
	Path     string              `json:"path"` // with the query, as it came
	Host     string              `json:"host"`
	Headers  map[string][]string `json:"headers"` // names in lower case
	Trailers map[string][]string `json:"trailers,omitempty"`
	Body     string              `json:"body,omitempty"`
}

// Seen is the answer of GET /_seen.
type Seen struct {
	// Total counts requests outside /_ since the last DELETE /_seen, health
	// checks left out.
	Total int `json:"total"`
	// Active are those that are not answered yet.
	Active int `json:"active"`
	// Gone are those whose client left before the answer was complete.
	Gone     int        `json:"gone"`
	Requests []Sighting `json:"requests"`
}

func sighting(r *http.Request, body []byte) Sighting {
	return Sighting{
		Protocol: r.Proto,
		Method:   r.Method,
		Path:     r.URL.RequestURI(),
		Host:     r.Host,
		Headers:  lowered(r.Header),
		Trailers: lowered(r.Trailer),
		Body:     string(body),
	}
}

func lowered(h http.Header) map[string][]string {
	out := make(map[string][]string, len(h))
	for name, values := range h {
		out[strings.ToLower(name)] = values
	}
	return out
}

// seenLog keeps what a service was asked. Safe for concurrent use.
type seenLog struct {
	mu   sync.Mutex
	seen Seen
	// round rises at each reset, so that a request which began before it does
	// not count down the Active of after.
	round int
}

// begin records a request; the function it returns records its end.
func (l *seenLog) begin(s Sighting) (end func(gone bool)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen.Total++
	l.seen.Active++
	if len(l.seen.Requests) < seenLimit {
		l.seen.Requests = append(l.seen.Requests, s)
	}
	round := l.round
	return func(gone bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.round != round {
			return
		}
		l.seen.Active--
		if gone {
			l.seen.Gone++
		}
	}
}

func (l *seenLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.round++
	l.seen = Seen{}
}

// matching gives the log, with only the requests whose path begins with prefix.
func (l *seenLog) matching(prefix string) Seen {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.seen
	out.Requests = []Sighting{}
	for _, s := range l.seen.Requests {
		if strings.HasPrefix(s.Path, prefix) {
			out.Requests = append(out.Requests, s)
		}
	}
	return out
}
