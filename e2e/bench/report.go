package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// report is what is printed, and its JSON form.
type report struct {
	Machine  machine     `json:"machine"`
	Cells    []*cell     `json:"cells"`
	Ratios   []ratio     `json:"ratios"`
	Memory   []memoryRow `json:"memory"`
	Failures []string    `json:"failures"`
}

// machine is what figures cannot be read without.
type machine struct {
	CPUs     int       `json:"cpus"`
	Kernel   string    `json:"kernel"`
	Model    string    `json:"cpu_model"`
	Go       string    `json:"go"`
	Envoy    string    `json:"envoy"`
	Time     time.Time `json:"time"`
	Rounds   int       `json:"rounds"`
	Duration string    `json:"duration"`
	// Load is the machine's 1-minute load average when the run began: of other work.
	Load string `json:"load_average_before"`
}

func (r *report) begin(o options) {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	average, _ := os.ReadFile("/proc/loadavg")
	before, _, _ := strings.Cut(string(average), " ")
	r.Machine = machine{
		CPUs: runtime.NumCPU(), Kernel: strings.TrimSpace(string(kernel)), Model: cpuModel(), Go: runtime.Version(),
		Time: time.Now().UTC().Truncate(time.Second), Rounds: o.rounds, Duration: o.duration.String(), Load: before,
	}
}

func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// fail notes what makes the exit code 1.
func (r *report) fail(where, what string) {
	r.Failures = append(r.Failures, where+": "+what)
}

func (r *report) finish() { r.Ratios = compare(r.Cells) }

func (r *report) json(w io.Writer) error {
	type summary struct {
		*cell
		CPU spread `json:"cpu_us"`
		P50 spread `json:"p50_ms"`
		P99 spread `json:"p99_ms"`
		RSS spread `json:"rss_mb"`
	}
	cells := []summary{}
	for _, c := range r.Cells {
		cells = append(cells, summary{c, c.of(cpuOf), c.of(p50Of), c.of(p99Of), c.of(rssOf)})
	}
	out := struct {
		report
		Cells []summary `json:"cells"`
	}{*r, cells}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

func cpuOf(s sample) float64    { return s.CPU }
func p50Of(s sample) float64    { return s.P50 }
func p99Of(s sample) float64    { return s.P99 }
func perSecOf(s sample) float64 { return s.PerSec }
func rssOf(s sample) float64    { return s.RSS }

func (c *cell) of(value func(sample) float64) spread {
	var values []float64
	for _, s := range c.Rounds {
		values = append(values, value(s))
	}
	return spreadOf(values)
}

// text prints tables for people.
func (r *report) text(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	m := r.Machine
	fmt.Fprintf(t, "%d CPUs (%s), Linux %s, load %s before; Envoy %s, %s\n", m.CPUs, m.Model, m.Kernel, m.Load, m.Envoy, m.Go)
	fmt.Fprintf(t, "Median of %d interleaved rounds of %s (half of it with one connection), smallest and largest in brackets.\n", m.Rounds, m.Duration)
	r.textCells(t)
	r.textRatios(t)
	r.textMemory(t)
	if len(r.Failures) > 0 {
		fmt.Fprintln(t, "\nFAILED")
	}
	for _, f := range r.Failures {
		fmt.Fprintln(t, "  "+f)
	}
	return t.Flush()
}

func (r *report) textCells(w io.Writer) {
	last := ""
	for _, c := range r.Cells {
		if group := c.Size + "/" + fmt.Sprint(c.Connections); group != last {
			last = group
			fmt.Fprintf(w, "\nANSWERS OF %s, %d CONNECTIONS\n", c.size, c.Connections)
			fmt.Fprintln(w, "  subject\tCPU us/request\tp50 ms\tp99 ms\trequests/s\tresident MB\tin the filter")
		}
		cpu, streams := c.of(cpuOf), "-"
		if n, ok := c.streams(); ok {
			streams = fmt.Sprint(n)
		}
		fmt.Fprintf(w, "  %s\t%.1f (%.1f-%.1f)\t%.2f\t%.2f\t%.0f\t%.0f\t%s\n", c.Subject,
			cpu.Median, cpu.Min, cpu.Max, c.of(p50Of).Median, c.of(p99Of).Median, c.of(perSecOf).Median, c.of(rssOf).Median, streams)
	}
}

// streams is how many requests of all rounds entered the filter.
func (c *cell) streams() (int, bool) {
	sum, any := 0, false
	for _, s := range c.Rounds {
		if s.Streams != nil {
			sum, any = sum+*s.Streams, true
		}
	}
	return sum, any
}

func (s size) String() string {
	return fmt.Sprintf("%d x %d KB", s.calls, s.bytes>>10)
}

func (r *report) textRatios(w io.Writer) {
	if len(r.Ratios) == 0 {
		return
	}
	fmt.Fprintf(w, "\nCPU, RATIOS AT %d CONNECTIONS\n", busy)
	fmt.Fprintln(w, "  ratio\tanswers\tmedian\trounds\ttarget\treached")
	for _, q := range r.Ratios {
		target := "-"
		if q.Target > 0 {
			target = fmt.Sprintf("%.2f", q.Target)
		}
		if q.Why != "" {
			target += " (" + q.Why + ")"
		}
		fmt.Fprintf(w, "  %s\t%s\t%.2f\t%.2f-%.2f\t%s\t%s\n", q.Name, q.Size, q.Median, q.Min, q.Max, target, reached(q.Target, q.Reached))
	}
}

func (r *report) textMemory(w io.Writer) {
	if len(r.Memory) == 0 {
		return
	}
	fmt.Fprintln(w, "\nRESIDENT MEMORY\n  what\tMB\ttarget\treached\tdetail")
	for _, m := range r.Memory {
		fmt.Fprintf(w, "  %s\t%.1f\t%.0f\t%s\t%s\n", m.Name, m.MB, m.Target, reached(m.Target, m.Reached), m.Detail)
	}
}

func reached(target float64, is bool) string {
	switch {
	case target == 0:
		return "-"
	case is:
		return "yes"
	default:
		return "NO"
	}
}
