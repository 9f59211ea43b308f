package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// load is what fortio is asked to do: as fast as possible, unless qps is given,
// for a time or a number of requests, or until Ctrl-C if neither is given.
type load struct {
	url         string
	connections int
	duration    time.Duration
	requests    int
	qps         int
	// bodySize is what every answer must have.
	bodySize int
}

// loaded is what became of a load.
type loaded struct {
	Requests int     // those without measured latency included
	PerSec   float64 // requests per second
	P50, P99 float64 // milliseconds
	// Failure says what was wrong; empty if every answer was right.
	Failure string
}

const requestTimeout = 10 * time.Second

// runLoad returns an error if fortio itself fails. Failed requests are in the
// result.
func (b *bench) runLoad(l load) (loaded, error) {
	return b.runLoadWhile(l, nil)
}

// runLoadWhile loads until during returns, if it is given.
func (b *bench) runLoadWhile(l load, during func() error) (loaded, error) {
	out := filepath.Join(b.farm.dir, "fortio.json")
	args := []string{"load", "-json", out, "-quiet", "-loglevel", "error",
		"-c", strconv.Itoa(l.connections), "-qps", strconv.Itoa(l.qps), "-nocatchup",
		// Its resolution is 1 ms otherwise.
		"-r", "0.00001", "-p", "50,99",
		// An answer must fit.
		"-httpbufferkb", "2048", "-timeout", requestTimeout.String(),
	}
	warmups := 0
	if l.requests > 0 {
		args = append(args, "-n", strconv.Itoa(l.requests))
	} else {
		args = append(args, "-t", l.duration.String()) // 0: until interrupted
		warmups = l.connections                        // fortio's first request of each connection is not in its count
	}
	ctx, cancel := context.WithCancel(b.farm.ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.o.fortio, append(args, l.url)...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return loaded{}, fmt.Errorf("fortio: %w", err)
	}
	var duringErr error
	if during != nil {
		duringErr = during()
		_ = cmd.Process.Signal(os.Interrupt) // it may have failed
	}
	err := cmd.Wait()
	if duringErr != nil || b.farm.ctx.Err() != nil {
		return loaded{}, errors.Join(duringErr, b.farm.ctx.Err())
	}
	raw, readErr := os.ReadFile(out)
	if readErr != nil {
		return loaded{}, fmt.Errorf("fortio: %w: %w\n%s", err, readErr, said.Bytes())
	}
	defer os.Remove(out)
	return readLoaded(raw, l, warmups)
}

// fortioResult is the part of fortio's JSON that is used. Times are seconds.
type fortioResult struct {
	ActualQPS         float64
	DurationHistogram struct {
		Count       int
		Percentiles []struct{ Percentile, Value float64 }
	}
	RetCodes           map[string]int
	Sizes, HeaderSizes struct{ Min, Max, Sum float64 }
}

func readLoaded(raw []byte, l load, warmups int) (loaded, error) {
	var r fortioResult
	if err := json.Unmarshal(raw, &r); err != nil {
		return loaded{}, fmt.Errorf("fortio's result: %w", err)
	}
	n := r.DurationHistogram.Count
	out := loaded{Requests: n + warmups, PerSec: r.ActualQPS}
	for _, p := range r.DurationHistogram.Percentiles {
		switch p.Percentile {
		case 50:
			out.P50 = p.Value * 1000
		case 99:
			out.P99 = p.Value * 1000
		}
	}
	switch bytes := r.Sizes.Sum - r.HeaderSizes.Sum; {
	case n == 0:
		out.Failure = "no request was made"
	case r.RetCodes["200"] != n:
		out.Failure = fmt.Sprintf("of %d requests, by status (-1: no answer): %v", n, r.RetCodes)
	case bytes != float64(n)*float64(l.bodySize):
		out.Failure = fmt.Sprintf("%d answers of %d bytes each, and not %.1f on average", n, l.bodySize, bytes/float64(n))
	}
	return out, nil
}

// client makes a connection for each request, so that a check never meets one
// that an Envoy has closed meanwhile.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// get returns the body of a 200.
func get(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: status %d: %.200s", url, resp.StatusCode, body)
	}
	return body, err
}

// checkOne asks once for an answer that must be what upstream a sent.
func checkOne(ctx context.Context, url string, s size) (int, error) {
	body, err := get(ctx, url)
	if err == nil && !bytes.Equal(body, answerBody(0, s.bytes)) {
		err = fmt.Errorf("GET %s: not what the upstream sent: %.200s", url, body)
	}
	return len(body), err
}

// checkAll asks once for an answer that must have, under the letter of each
// upstream, byte for byte what it sent, and nothing else.
func checkAll(ctx context.Context, url string, s size) (int, error) {
	body, err := get(ctx, url)
	if err != nil {
		return 0, err
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(body, &parts); err != nil {
		return 0, fmt.Errorf("GET %s: %w: %.200s", url, err, body)
	}
	if len(parts) != s.calls {
		return 0, fmt.Errorf("GET %s: %d parts, not %d: %.200s", url, len(parts), s.calls, body)
	}
	for i := range s.calls {
		if !bytes.Equal(parts[letter(i)], answerBody(i, s.bytes)) {
			return 0, fmt.Errorf("GET %s: %q is not what the upstream sent: %.200s", url, letter(i), parts[letter(i)])
		}
	}
	return len(body), nil
}
