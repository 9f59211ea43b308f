package main

import (
	"fmt"
	"slices"
)

// spread is the median of some rounds with the smallest and the largest.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1]}
}

// ratio compares the CPU of two subjects under the same load.
type ratio struct {
	Name        string `json:"name"`
	Size        string `json:"size"`
	Connections int    `json:"connections"`
	spread
	// Target is the largest median wanted, 0 if there is none.
	Target float64 `json:"target,omitempty"`
	// Why says where the target comes from, if it is not a constant.
	Why     string `json:"why,omitempty"`
	Reached bool   `json:"reached"`
}

// ratios are those that are shown. The targets are the project's own, from the issue
// that began it; a ratio without one is there to be read.
var ratios = []struct {
	of, to, size string
	target       float64
}{
	{plain, bare, "1k", 0},
	{plain2, plain, "1k", 0},
	{noPolicy, plain, "1k", 0}, // its target is measured: noise
	{tutti, floor, "1k", 1.35},
	{tutti, floor, "64k", 0},
	{tutti, floor, "10x4k", 0},
	{tutti, bareFloor, "1k", 0},
	{tutti, goAlone, "1k", 0},
	{tutti, goAlone, "64k", 0.35},
	{tutti, goAlone, "10x4k", 0.60},
	{tutti, goBehind, "1k", 0},
	{tutti, goBehind, "64k", 0},
	{tutti, goBehind, "10x4k", 0},
}

// compare computes the ratios whose cells were measured.
func compare(cells []*cell) []ratio {
	find := func(subject, size string) *cell {
		for _, c := range cells {
			if c.Subject == subject && c.Size == size && c.Connections == busy {
				return c
			}
		}
		return nil
	}
	var found []ratio
	noise := 0.0
	for _, r := range ratios {
		of, to := find(r.of, r.size), find(r.to, r.size)
		if of == nil || to == nil {
			continue
		}
		values := perRound(of, to)
		if len(values) == 0 {
			continue
		}
		out := ratio{Name: r.of + " / " + r.to, Size: r.size, Connections: busy, spread: spreadOf(values), Target: r.target}
		if r.of == plain2 {
			noise = 1
			for _, v := range values {
				noise = max(noise, v, 1/v)
			}
		}
		if r.of == noPolicy && noise > 0 {
			out.Target, out.Why = noise, fmt.Sprintf("the farthest that %s and %s were apart", plain2, plain)
		}
		out.Reached = out.Target > 0 && out.Median <= out.Target
		if entered, _ := of.streams(); r.of == noPolicy && entered > 0 {
			out.Reached = false
			out.Why += fmt.Sprintf("; %d requests entered the filter", entered)
		}
		found = append(found, out)
	}
	return found
}

// perRound is the quotient of each round's CPU. A round that used less CPU than
// can be told has none.
func perRound(of, to *cell) []float64 {
	var values []float64
	for i := range min(len(of.Rounds), len(to.Rounds)) {
		if of.Rounds[i].CPU > 0 && to.Rounds[i].CPU > 0 {
			values = append(values, of.Rounds[i].CPU/to.Rounds[i].CPU)
		}
	}
	return values
}
