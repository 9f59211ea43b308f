package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// The subjects; doc.go says what each is.
const (
	bare      = "bare"
	plain     = "plain"
	plain2    = "plain-2"
	noPolicy  = "no-policy"
	bareFloor = "bare-floor"
	floor     = "floor"
	tutti     = "tutti"
	goAlone   = "go"
	goBehind  = "envoy+go"
)

// subjects in the order of a round. What is compared is near each other.
var subjects = []string{bare, plain, plain2, noPolicy, bareFloor, floor, tutti, goAlone, goBehind}

// allSizes are the subjects that the answers' size and number matter for; the
// others are measured with the first size.
var allSizes = []string{plain, floor, tutti, goAlone, goBehind}

var connections = []int{1, 32}

// busy is the number of connections that targets are for.
const busy = 32

// cell is one subject under one load, measured once a round.
type cell struct {
	Subject     string   `json:"subject"`
	Size        string   `json:"size"`
	Connections int      `json:"connections"`
	Rounds      []sample `json:"rounds"`

	size     size
	url      string
	check    checker
	measured []int // pids, their CPU added up
	envoy    *proxy
	bodySize int
}

// checker asks once, compares the whole answer and returns its size.
type checker func(ctx context.Context, url string, s size) (int, error)

// sample is one measurement.
type sample struct {
	CPU      float64 `json:"cpu_us"` // of the proxy, per request, microseconds
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	PerSec   float64 `json:"requests_per_second"`
	RSS      float64 `json:"rss_mb"`
	Requests int     `json:"requests"`
	// Streams is how many requests entered the filter; nil if there is none.
	Streams *int `json:"streams,omitempty"`
}

func (c *cell) name() string {
	return c.Subject + "/" + c.Size + "/" + strconv.Itoa(c.Connections)
}

// chooseCells makes the cells and the parts of memory that -only selects.
func (b *bench) chooseCells() {
	for _, s := range sizes {
		for _, n := range connections {
			for _, subject := range subjects {
				if s != sizes[0] && !slices.Contains(allSizes, subject) {
					continue
				}
				c := &cell{Subject: subject, Size: s.name, Connections: n, size: s}
				if b.o.only.MatchString(c.name()) {
					b.cells = append(b.cells, c)
				}
			}
		}
	}
	b.parts = map[string]bool{}
	for _, part := range memoryParts {
		b.parts[part] = b.o.only.MatchString("memory/" + part)
	}
}

func (b *bench) has(subjects ...string) bool {
	return slices.ContainsFunc(b.cells, func(c *cell) bool { return slices.Contains(subjects, c.Subject) })
}

func (b *bench) needsTutti() bool { return b.has(noPolicy, tutti) || b.measuresMemory() }

// measure fills the report.
func (b *bench) measure() error {
	b.report.begin(b.o)
	if len(b.cells) > 0 {
		if err := b.measureTable(); err != nil {
			return err
		}
	}
	if b.measuresMemory() {
		return b.measureMemory()
	}
	return nil
}

func (b *bench) measureTable() error {
	b.report.Cells = b.cells
	proxies, err := b.startTable()
	if err != nil {
		return err
	}
	defer b.farm.stop(proxies...)
	b.say("warming up, %d measurements a round", len(b.cells))
	for _, c := range b.cells {
		if c.bodySize, err = c.check(b.farm.ctx, c.url, c.size); err != nil {
			return err
		}
		if c.Connections == busy {
			// Connections to the upstreams, code paths, buffers.
			if _, err := b.runLoad(c.load(300 * time.Millisecond)); err != nil {
				return err
			}
		}
	}
	for round := range b.o.rounds {
		started := time.Now()
		for _, c := range b.cells {
			if err := b.measureCell(c); err != nil {
				return fmt.Errorf("%s: %w", c.name(), err)
			}
		}
		b.say("round %d of %d took %.0fs", round+1, b.o.rounds, time.Since(started).Seconds())
	}
	for _, c := range b.cells {
		if _, err := c.check(b.farm.ctx, c.url, c.size); err != nil {
			b.report.fail(c.name(), "after the last round: "+err.Error())
		}
	}
	return nil
}

// startTable starts the Envoys and ties the cells to them.
func (b *bench) startTable() ([]*child, error) {
	var started []*child
	var sidecar *proxy
	var err error
	if b.has(noPolicy, tutti) {
		b.say("starting tutti sidecar")
		if sidecar, err = b.startSidecar("sidecar", tableService, 1); err != nil {
			return nil, err
		}
		started = append(started, sidecar.child)
	}
	b.say("starting plain Envoys")
	first, err := b.startPlain("plain", 1)
	if err != nil {
		return nil, err
	}
	second, err := b.startPlain("plain-2", 1)
	if err != nil {
		return nil, err
	}
	if sidecar != nil {
		if err := b.checkAlike(sidecar, first); err != nil {
			return nil, err
		}
	}
	for _, c := range b.cells {
		b.tie(c, first, second, sidecar)
	}
	return append(started, first.child, second.child), nil
}

// tie says what a cell asks, whose CPU it costs and what the answer must be.
func (b *bench) tie(c *cell, first, second, sidecar *proxy) {
	c.check = checkOne
	c.measured = []int{first.pid}
	switch c.Subject {
	case bare:
		c.url = first.bare + "/plain/"
	case plain:
		c.url = first.url + "/plain/"
	case plain2:
		c.url, c.measured = second.url+"/plain/", []int{second.pid}
	case noPolicy:
		c.url, c.measured, c.envoy = sidecar.url+"/plain/", []int{sidecar.pid}, sidecar
	case bareFloor:
		c.url = first.bare + "/floor/"
	case floor:
		c.url = first.url + "/floor/"
	case tutti:
		c.url, c.measured, c.envoy, c.check = sidecar.url+"/agg/", []int{sidecar.pid}, sidecar, checkAll
	case goAlone:
		c.url, c.measured, c.check = "http://"+b.aggregatorAddr+"/agg/", []int{b.aggregator.cmd.Process.Pid}, checkAll
	case goBehind:
		c.url, c.check = first.url+"/agg/", checkAll
		c.measured = []int{first.pid, b.aggregator.cmd.Process.Pid}
	}
	c.url += c.Size
}

func (c *cell) load(d time.Duration) load {
	return load{url: c.url, connections: c.Connections, duration: d, bodySize: c.bodySize}
}

func (b *bench) measureCell(c *cell) error {
	d := b.o.duration
	if c.Connections == 1 {
		d /= 2
	}
	streamsBefore, cpuBefore, err := b.readings(c)
	if err != nil {
		return err
	}
	got, err := b.runLoad(c.load(d))
	if err != nil {
		return err
	}
	streamsAfter, cpuAfter, err := b.readings(c)
	if err != nil {
		return err
	}
	s := sample{P50: got.P50, P99: got.P99, PerSec: got.PerSec, Requests: got.Requests}
	s.CPU = float64((cpuAfter - cpuBefore).Microseconds()) / float64(max(got.Requests, 1))
	if c.envoy != nil {
		entered := streamsAfter - streamsBefore
		s.Streams = &entered
	}
	for _, pid := range c.measured {
		mb, err := residentMB(pid)
		if err != nil {
			return err
		}
		s.RSS += mb
	}
	c.Rounds = append(c.Rounds, s)
	if got.Failure != "" {
		b.report.fail(c.name(), got.Failure)
	}
	if b.o.verbose {
		b.say("%-20s %8.1f us CPU  %8.0f/s  p50 %.2f ms  p99 %.2f ms", c.name(), s.CPU, s.PerSec, s.P50, s.P99)
	}
	return nil
}

func (b *bench) readings(c *cell) (streams int, cpu time.Duration, err error) {
	if c.envoy != nil {
		if streams, err = b.streams(c.envoy); err != nil {
			return 0, 0, err
		}
	}
	for _, pid := range c.measured {
		t, err := cpuTime(pid)
		if err != nil {
			return 0, 0, errors.Join(fmt.Errorf("process %d is gone", pid), err)
		}
		cpu += t
	}
	return streams, cpu, nil
}
