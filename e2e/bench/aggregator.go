package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"sync"
	"time"
)

// This file is what a team would write in Tutti's place, and the way a good one
// would: connections kept, calls at once, a deadline, bounded and pre-sized
// reads, answers spliced as json.RawMessage, which encoding/json checks.

const (
	idleConnections = 512
	maxAnswer       = 4 << 20
	aggregateBudget = 2 * time.Second
)

// page is the composed answer: an answer of each upstream that was called.
type page struct {
	A json.RawMessage `json:"a,omitempty"`
	B json.RawMessage `json:"b,omitempty"`
	C json.RawMessage `json:"c,omitempty"`
	D json.RawMessage `json:"d,omitempty"`
	E json.RawMessage `json:"e,omitempty"`
	F json.RawMessage `json:"f,omitempty"`
	G json.RawMessage `json:"g,omitempty"`
	H json.RawMessage `json:"h,omitempty"`
	I json.RawMessage `json:"i,omitempty"`
	J json.RawMessage `json:"j,omitempty"`
}

func (p *page) parts() []*json.RawMessage {
	return []*json.RawMessage{&p.A, &p.B, &p.C, &p.D, &p.E, &p.F, &p.G, &p.H, &p.I, &p.J}
}

type aggregator struct {
	client    http.Client
	upstreams []string // host:port
}

func newAggregator(upstreams []string) *aggregator {
	return &aggregator{upstreams: upstreams, client: http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: idleConnections,
		DisableCompression:  true,
	}}}
}

// runAggregator serves on a free port and prints its address. It never returns
// but for an error.
func runAggregator(stdout io.Writer, upstreams []string) error {
	failed := make(chan error)
	if err := serve(stdout, newAggregator(upstreams), failed); err != nil {
		return err
	}
	return <-failed
}

func (a *aggregator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := path.Base(r.URL.Path)
	calls := 0
	for _, s := range sizes {
		if s.name == name {
			calls = s.calls
		}
	}
	if calls == 0 {
		http.NotFound(w, r)
		return
	}
	body, err := a.aggregate(r.Context(), name, calls)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the client may have gone
}

func (a *aggregator) aggregate(ctx context.Context, name string, calls int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, aggregateBudget)
	defer cancel()
	var answer page
	parts := answer.parts()[:calls]
	errs := make([]error, calls)
	var group sync.WaitGroup
	for i := range calls {
		group.Go(func() {
			*parts[i], errs[i] = a.call(ctx, "http://"+a.upstreams[i]+"/v1/"+name)
		})
	}
	group.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", letter(i), err)
		}
	}
	return json.Marshal(&answer)
}

func (a *aggregator) call(ctx context.Context, url string) (json.RawMessage, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	if resp.ContentLength > maxAnswer {
		return nil, fmt.Errorf("%d bytes are too many", resp.ContentLength)
	}
	// MinRead beyond the length lets ReadFrom see the end without growing.
	body := bytes.NewBuffer(make([]byte, 0, max(resp.ContentLength, 0)+bytes.MinRead))
	if _, err := body.ReadFrom(io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return nil, err
	}
	return body.Bytes(), nil
}
