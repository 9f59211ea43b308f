package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// requestLimit bounds one request: nothing may hang.
const requestLimit = 60 * time.Second

// clients are the two HTTP clients of one spec. Both are Go's own: like any
// good client it sends a GET again when an idle connection turns out closed.
type clients struct{ h1, h2 *http.Client }

func newClients() *clients {
	made := func(h2 bool) *http.Client {
		transport := &http.Transport{
			Protocols:           new(http.Protocols),
			DisableCompression:  true,
			MaxIdleConnsPerHost: 256,
		}
		transport.Protocols.SetHTTP1(!h2)
		transport.Protocols.SetUnencryptedHTTP2(h2)
		keep := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		return &http.Client{Transport: transport, CheckRedirect: keep}
	}
	return &clients{h1: made(false), h2: made(true)}
}

func (c *clients) close() {
	c.h1.CloseIdleConnections()
	c.h2.CloseIdleConnections()
}

// answer is a whole response, or the error there was instead.
type answer struct {
	status   int
	protocol string
	headers  http.Header
	trailers http.Header
	body     []byte
	err      error
}

func (a answer) String() string {
	if a.err != nil {
		return a.err.Error()
	}
	body := string(a.body)
	if len(body) > 2000 {
		body = fmt.Sprintf("%s... (%d bytes)", body[:2000], len(a.body))
	}
	return fmt.Sprintf("%s %d\n%v\n%s", a.protocol, a.status, a.headers, body)
}

// send sends the n-th of the requests to base.
func (c *clients) send(ctx context.Context, base string, r *Request, n int) answer {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	body := r.Body
	if r.JSON != nil {
		text, err := json.Marshal(r.JSON)
		if err != nil {
			return answer{err: err}
		}
		body = string(text)
	}
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(numbered(body, n))
	}
	if len(r.Trailers) > 0 {
		// A body of unknown length is sent in chunks, which trailers need.
		reader = io.MultiReader(reader)
	}
	req, err := http.NewRequestWithContext(ctx, orElse(r.Method, "GET"), base+numbered(r.Path, n), reader)
	if err != nil {
		return answer{err: err}
	}
	if r.JSON != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range r.Headers {
		req.Header.Set(name, numbered(value, n))
	}
	for name, value := range r.Trailers {
		if req.Trailer == nil {
			req.Trailer = http.Header{}
		}
		req.Trailer.Set(name, value)
	}
	client := c.h1
	if r.H2 {
		client = c.h2
	}
	return receive(client.Do(req))
}

func receive(resp *http.Response, err error) answer {
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{err: fmt.Errorf("answer %d broke off after %d bytes: %w", resp.StatusCode, len(body), err)}
	}
	return answer{
		status:   resp.StatusCode,
		protocol: resp.Proto,
		headers:  resp.Header,
		trailers: resp.Trailer,
		body:     body,
	}
}

// sendAll sends r.Repeat requests, r.Concurrency at a time, and gives the first
// difference from what is expected.
func (c *clients) sendAll(ctx context.Context, base string, r *Request) error {
	total := max(r.Repeat, 1)
	numbers := make(chan int, total)
	for n := range total {
		numbers <- n + 1
	}
	close(numbers)
	var workers sync.WaitGroup
	failures := make(chan error, total)
	for range max(r.Concurrency, 1) {
		workers.Go(func() {
			for n := range numbers {
				if err := r.Expect.check(c.send(ctx, base, r, n), n); err != nil {
					failures <- fmt.Errorf("request %d of %d: %w", n, total, err)
				}
			}
		})
	}
	workers.Wait()
	select {
	case err := <-failures:
		return fmt.Errorf("%d of %d not as expected; one: %w", len(failures)+1, total, err)
	default:
		return nil
	}
}

// load sends requests until it is ended.
type load struct {
	cancel  context.CancelFunc
	workers sync.WaitGroup

	mu       sync.Mutex
	answers  int
	failures []error // the first few
	failed   int
}

const keptFailures = 5

func (c *clients) startLoad(ctx context.Context, base string, r *Request) *load {
	// Ending lets requests in flight complete: they count too.
	running, cancel := context.WithCancel(ctx)
	l := &load{cancel: cancel}
	for worker := range max(r.Concurrency, 1) {
		l.workers.Go(func() {
			for n := worker + 1; running.Err() == nil; n += max(r.Concurrency, 1) {
				l.record(r.Expect.check(c.send(ctx, base, r, n), n))
			}
		})
	}
	return l
}

func (l *load) record(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers++
	if err == nil {
		return
	}
	l.failed++
	if len(l.failures) < keptFailures {
		l.failures = append(l.failures, fmt.Errorf("answer %d at %s: %w", l.answers, time.Now().Format("15:04:05.000"), err))
	}
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answers
}

// end gives an error if any answer was not as expected, and how many there were.
func (l *load) end() (int, error) {
	l.cancel()
	l.workers.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == 0 {
		return l.answers, nil
	}
	text := ""
	for _, err := range l.failures {
		text += "\n" + err.Error()
	}
	return l.answers, fmt.Errorf("%d of %d answers under load were not as expected:%s", l.failed, l.answers, text)
}

func textName(name string) string { return http.CanonicalHeaderKey(name) }

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
