package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestAnswerBody(t *testing.T) {
	for _, s := range sizes {
		a, b := answerBody(0, s.bytes), answerBody(1, s.bytes)
		if len(a) != s.bytes || len(b) != s.bytes || !json.Valid(a) {
			t.Errorf("%s: %d and %d bytes, JSON: %v", s.name, len(a), len(b), json.Valid(a))
		}
		if bytes.Equal(a, b) {
			t.Errorf("%s: two upstreams answer the same", s.name)
		}
	}
}

// The hand-written aggregator has to pass the check that Tutti has to pass.
func TestAggregator(t *testing.T) {
	var addresses []string
	for i := range upstreams {
		server := httptest.NewServer(upstreamHandler(i))
		defer server.Close()
		addresses = append(addresses, strings.TrimPrefix(server.URL, "http://"))
	}
	server := httptest.NewServer(newAggregator(addresses))
	defer server.Close()
	for _, s := range sizes {
		if _, err := checkAll(t.Context(), server.URL+"/agg/"+s.name, s); err != nil {
			t.Error(err)
		}
		wrong := s
		wrong.bytes++
		if _, err := checkAll(t.Context(), server.URL+"/agg/"+s.name, wrong); err == nil {
			t.Errorf("%s: a wrong answer passes", s.name)
		}
	}
}

func TestParseCPU(t *testing.T) {
	got, err := parseCPU("12 (a) b (c)) S 1 12 12 0 -1 4194560 1 0 0 0 150 25 0 0 20 0 8 0 100 1 1")
	if err != nil || got != 1750*time.Millisecond {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := parseCPU("12 (a) S 1"); err == nil {
		t.Error("a short line passes")
	}
}

func TestReadLoaded(t *testing.T) {
	const good = `{"ActualQPS": 50, "DurationHistogram": {"Count": 2, "Percentiles": [{"Percentile": 50, "Value": 0.001}, {"Percentile": 99, "Value": 0.25}]},
		"RetCodes": {"200": 2}, "Sizes": {"Sum": 1200}, "HeaderSizes": {"Sum": 200}}`
	for name, c := range map[string]struct{ old, new, want string }{
		"good":   {"", "", ""},
		"status": {`"200": 2`, `"200": 1, "503": 1`, "of 2 requests, by status (-1: no answer): map[200:1 503:1]"},
		"size":   {"1200", "1100", "2 answers of 500 bytes each, and not 450.0 on average"},
		"none":   {`"Count": 2`, `"Count": 0`, "no request was made"},
	} {
		got, err := readLoaded([]byte(strings.Replace(good, c.old, c.new, 1)), load{bodySize: 500}, 3)
		if err != nil || got.Failure != c.want {
			t.Errorf("%s: got %q, %v", name, got.Failure, err)
		}
		if name == "good" && (got.Requests != 5 || got.P50 != 1 || got.P99 != 250 || got.PerSec != 50) {
			t.Errorf("got %+v", got)
		}
	}
}

// cells with the given CPU per round, for 1 KB at 32 connections.
func measured(cpu map[string][]float64) []*cell {
	var all []*cell
	for _, subject := range subjects {
		if cpu[subject] == nil {
			continue
		}
		c := &cell{Subject: subject, Size: "1k", Connections: busy, size: sizes[0]}
		for _, us := range cpu[subject] {
			s := sample{CPU: us, P50: 1, P99: 5, PerSec: 10_000, RSS: 70}
			if subject == noPolicy || subject == tutti {
				s.Streams = new(int)
			}
			c.Rounds = append(c.Rounds, s)
		}
		all = append(all, c)
	}
	return all
}

func TestCompare(t *testing.T) {
	cells := measured(map[string][]float64{
		plain: {50, 50, 60}, plain2: {50, 48, 63}, noPolicy: {51, 52, 60}, floor: {100, 100, 120}, tutti: {140, 130, 180},
	})
	got := map[string]ratio{}
	for _, r := range compare(cells) {
		got[r.Name] = r
	}
	for name, want := range map[string]struct {
		median, target float64
		reached        bool
	}{
		"plain-2 / plain":   {1, 0, false},
		"no-policy / plain": {1.02, 1.05, true},
		"tutti / floor":     {1.4, 1.35, false},
	} {
		r := got[name]
		if r.Median != want.median || r.Target != want.target || r.Reached != want.reached {
			t.Errorf("%s: got %+v", name, r)
		}
	}
	*cells[2].Rounds[0].Streams = 1
	for _, r := range compare(cells) {
		if r.Name == "no-policy / plain" && (r.Reached || !strings.Contains(r.Why, "1 requests entered")) {
			t.Errorf("a request in the filter goes unnoticed: %+v", r)
		}
	}
}

func TestText(t *testing.T) {
	r := report{
		Machine: machine{CPUs: 2, Kernel: "6.1", Model: "some CPU", Go: "go1.26", Envoy: "1.40.0", Rounds: 3, Duration: "2s", Load: "0.10"},
		Cells:   measured(map[string][]float64{plain: {50, 50, 60}, plain2: {50, 48, 63}, noPolicy: {51, 52, 60}, floor: {100, 100, 120}, tutti: {140, 130, 180}}),
		Memory: []memoryRow{
			{Name: "above plain Envoy, one worker", MB: 70.12, Target: 75, Reached: true, Detail: "135.1 and 65.0 after 100000 requests"},
			{Name: "each further worker", MB: 6, Target: 5, Detail: "with 3 workers 160.0 and 72.0"},
		},
		Failures: []string{"tutti/1k/32: of 2 requests, by status (-1: no answer): map[200:1 503:1]"},
	}
	r.finish()
	var out bytes.Buffer
	if err := r.text(&out); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/report.txt"
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("the report differs from %s (-update rewrites it):\n%s", golden, out.Bytes())
	}
	out.Reset()
	if err := r.json(&out); err != nil || !json.Valid(out.Bytes()) {
		t.Errorf("the JSON form: %v\n%s", err, out.Bytes())
	}
}
