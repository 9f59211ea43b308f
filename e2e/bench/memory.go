package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The memory part asks what the filter adds to an Envoy that serves, with fresh
// processes and the bootstrap of `tutti sidecar` on both sides (both hand
// free pages back to the system once a second):
//
//	requests  resident memory above plain Envoy, one worker, after the same number of requests
//	workers   what each further worker adds above what it adds to plain Envoy
//	flat      the same sidecar after many more requests
//	pushes    the same sidecar after many plans, under a light load
var memoryParts = []string{"requests", "workers", "flat", "pushes"}

// The targets in MB. flatMB is what a process may move by without a leak:
// allocators keep and return pages as they see fit.
const (
	aboveMB   = 75
	workerMB  = 5
	flatMB    = 3
	memoryAgg = "/agg/1k"
	// settle is how long freed pages are given to go back; the bootstrap's
	// interval is a second.
	settle = 2500 * time.Millisecond
)

// memoryRow is one figure.
type memoryRow struct {
	Name    string  `json:"name"`
	MB      float64 `json:"mb"`
	Target  float64 `json:"target_mb,omitempty"`
	Reached bool    `json:"reached"`
	Detail  string  `json:"detail"`
}

// amounts are how much of everything the memory part does.
type amounts struct{ requests, flat, stretches, pushes int }

func (o options) amounts() amounts {
	switch {
	case o.quick:
		return amounts{requests: 3_000, flat: 6_000, stretches: 1, pushes: 5}
	case o.long:
		return amounts{requests: 100_000, flat: 1_000_000, stretches: 9, pushes: 300}
	default:
		return amounts{requests: 100_000, flat: 250_000, stretches: 5, pushes: 300}
	}
}

func (b *bench) measuresMemory() bool {
	for _, part := range memoryParts {
		if b.parts[part] {
			return true
		}
	}
	return false
}

func (b *bench) addMemory(name string, mb, target float64, detail string) {
	row := memoryRow{Name: name, MB: mb, Target: target, Detail: detail}
	row.Reached = target > 0 && mb <= target
	b.report.Memory = append(b.report.Memory, row)
}

// moreWorkers is how many workers the "workers" part compares with one.
const moreWorkers = 3

func (b *bench) measureMemory() error {
	n := b.o.amounts()
	b.say("memory: %d requests with one worker", n.requests)
	sidecar, tutti1, err := b.usedSidecar("memory-1", 1, n.requests)
	if err != nil {
		return err
	}
	defer func() { b.farm.stop(sidecar.child) }()
	if b.parts["requests"] || b.parts["workers"] {
		if err := b.besidePlain(tutti1, n.requests); err != nil {
			return err
		}
	}
	after := tutti1
	if b.parts["flat"] {
		if after, err = b.flat(sidecar, tutti1, n); err != nil {
			return err
		}
	}
	if b.parts["pushes"] {
		return b.pushes(sidecar, after, n.pushes)
	}
	return nil
}

// besidePlain compares with Envoys without Tutti.
func (b *bench) besidePlain(tutti1 float64, requests int) error {
	plain1, err := b.usedPlain("memory-plain-1", 1, requests)
	if err != nil {
		return err
	}
	b.addMemory("above plain Envoy, one worker", tutti1-plain1, aboveMB,
		fmt.Sprintf("%.1f and %.1f after %d requests", tutti1, plain1, requests))
	if !b.parts["workers"] {
		return nil
	}
	b.say("memory: %d workers", moreWorkers)
	plainN, err := b.usedPlain("memory-plain-n", moreWorkers, requests)
	if err != nil {
		return err
	}
	more, tuttiN, err := b.usedSidecar("memory-n", moreWorkers, requests)
	if err != nil {
		return err
	}
	b.farm.stop(more.child)
	b.addMemory("each further worker", ((tuttiN-plainN)-(tutti1-plain1))/(moreWorkers-1), workerMB,
		fmt.Sprintf("with %d workers %.1f and %.1f", moreWorkers, tuttiN, plainN))
	return nil
}

// usedSidecar gives a new sidecar's memory after a number of aggregations.
func (b *bench) usedSidecar(name string, workers, requests int) (*proxy, float64, error) {
	p, err := b.startSidecar(name, memoryService, workers)
	if err != nil {
		return nil, 0, err
	}
	mb, err := b.use(p, memoryAgg, requests, checkAll)
	return p, mb, err
}

func (b *bench) usedPlain(name string, workers, requests int) (float64, error) {
	p, err := b.startPlain(name, workers)
	if err != nil {
		return 0, err
	}
	defer b.farm.stop(p.child)
	return b.use(p, "/plain/1k", requests, checkOne)
}

// use sends requests and returns what is resident afterwards.
func (b *bench) use(p *proxy, path string, requests int, check checker) (float64, error) {
	bodySize, err := check(b.farm.ctx, p.url+path, sizes[0])
	if err != nil {
		return 0, err
	}
	got, err := b.runLoad(load{url: p.url + path, connections: busy, requests: requests, bodySize: bodySize})
	if err != nil {
		return 0, err
	}
	if got.Failure != "" {
		b.report.fail("memory of "+p.child.name, got.Failure)
	}
	return b.settled(p)
}

func (b *bench) settled(p *proxy) (float64, error) {
	select {
	case <-time.After(settle):
	case <-b.farm.ctx.Done():
		return 0, b.farm.ctx.Err()
	}
	return residentMB(p.pid)
}

// flat goes on in stretches, to show the way there.
func (b *bench) flat(p *proxy, start float64, n amounts) (float64, error) {
	b.say("memory: on to %d requests", n.flat)
	way := []string{fmt.Sprintf("%.1f", start)}
	last := start
	for range n.stretches {
		var err error
		if last, err = b.use(p, memoryAgg, (n.flat-n.requests)/n.stretches, checkAll); err != nil {
			return 0, err
		}
		way = append(way, fmt.Sprintf("%.1f", last))
	}
	b.addMemory(fmt.Sprintf("growth from %d to %d requests", n.requests, n.flat), last-start, flatMB, strings.Join(way, " "))
	return last, nil
}

// pushes rewrites policies again and again; each plan has to be acknowledged
// before the next. The first ones fill pools that stay, so growth is
// told from a tenth of the way on.
func (b *bench) pushes(p *proxy, start float64, n int) error {
	b.say("memory: %d plans", n)
	warm := max(n/10, 1)
	mb := map[int]float64{}
	var pushing time.Duration
	push := func(i int) error {
		before, err := b.ackedPlan()
		if err != nil {
			return err
		}
		if err := b.writePolicy("pushes.yaml", pushedPolicies(i)); err != nil {
			return err
		}
		return b.farm.poll(p.child, fmt.Sprintf("plan %d is acknowledged", i), func() (bool, error) {
			now, err := b.ackedPlan()
			return err == nil && now != before && now != "", err
		})
	}
	bodySize, err := checkAll(b.farm.ctx, p.url+memoryAgg, sizes[0])
	if err != nil {
		return err
	}
	under := load{url: p.url + memoryAgg, connections: 2, qps: 100, bodySize: bodySize}
	got, err := b.runLoadWhile(under, func() error {
		for i := 1; i <= n; i++ {
			began := time.Now()
			if err := push(i); err != nil {
				return err
			}
			pushing += time.Since(began)
			if i == warm || i == n/2 || i == n {
				if mb[i], err = b.settled(p); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if got.Failure != "" {
		b.report.fail("requests during pushes", got.Failure)
	}
	planBytes, err := b.planBytes(p)
	if err != nil {
		return err
	}
	b.addMemory(fmt.Sprintf("growth from %d to %d plans", warm, n), mb[n]-mb[warm], flatMB,
		fmt.Sprintf("%.1f before, %.1f after %d, %.1f after %d, %.1f after %d; plan of %.1f KB; %.0f ms a plan; %d requests meanwhile",
			start, mb[warm], warm, mb[n/2], n/2, mb[n], n, float64(planBytes)/1024, float64(pushing.Milliseconds())/float64(n), got.Requests))
	return nil
}

// pushedPolicies are policies that make a plan of some 20 KB; number is all
// that differs.
func pushedPolicies(number int) string {
	const policies = 14
	var y strings.Builder
	for i := range policies {
		fmt.Fprintf(&y, `apiVersion: tutti.dev/v1alpha1
kind: Aggregation
metadata: {name: pushed-%[1]d}
spec:
  targetRefs: [{kind: Service, name: %[2]s}]
  match: {methods: [GET], path: "/pushed/%[1]d/{id}"}
  timeout: 800ms
  calls:
  - {name: a, upstream: up-a, path: "/v1/products/${request.path_params.id}"}
  - {name: b, upstream: up-b, path: /v1/reviews, query: {product: "${request.path_params.id}"}, timeout: 200ms, onError: {fallback: {items: []}}}
  - {name: c, upstream: up-c, path: "/v1/stock/${request.path_params.id}", onError: omit}
  response:
    body:
      push: %[3]d
      id: ${request.path_params.id}
      product: ${steps.a.body}
      reviews: ${steps.b.body.items}
      available: "${steps.c.body.count > 0}"
---
`, i, memoryService, number)
	}
	return y.String()
}

// ackedPlan is the hash of the plan that the sidecar under test runs; empty
// while one is on its way.
func (b *bench) ackedPlan() (string, error) {
	body, err := get(b.farm.ctx, "http://"+b.controlHTTP+"/v1/status")
	if err != nil {
		return "", err
	}
	var status struct {
		Sidecars []struct {
			Service, State string
			Wanted         string `json:"wanted_plan"`
			Acked          string `json:"acked_plan"`
			Error          string
		}
	}
	if err := json.Unmarshal(body, &status); err != nil {
		return "", fmt.Errorf("/v1/status: %w", err)
	}
	for _, s := range status.Sidecars {
		switch {
		case s.Service != memoryService || s.State == "NOT CONNECTED":
		case s.Error != "":
			return "", fmt.Errorf("the sidecar refuses a plan: %s", s.Error)
		case s.Wanted == s.Acked:
			return s.Acked, nil
		}
	}
	return "", nil
}

// planBytes is the length of the plan that Envoy runs, by its config_dump.
func (b *bench) planBytes(p *proxy) (int, error) {
	body, err := get(b.farm.ctx, p.admin+"/config_dump?resource=ecds_filters")
	if err != nil {
		return 0, err
	}
	var dump any
	if err := json.Unmarshal(body, &dump); err != nil {
		return 0, fmt.Errorf("config_dump: %w", err)
	}
	text := findObject(dump, func(o map[string]any) bool {
		return o["@type"] == "type.googleapis.com/google.protobuf.StringValue"
	})
	plan, ok := text["value"].(string)
	if !ok {
		return 0, errors.New("config_dump: no plan in ecds_filters")
	}
	return len(plan), nil
}
