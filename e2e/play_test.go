package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// run is one spec being played.
type run struct {
	t       *testing.T
	ctx     context.Context
	env     environment
	clients *clients
	files   map[string]string // policies as they were written, without rewriting
	begun   map[string]*begun
	load    *load
	loaded  int // answers of the load that `loaded` has waited for
	down    map[string]bool
	// stats are the counters of each sidecar when the spec began.
	stats map[string]map[string]int
}

// begun is a request in flight.
type begun struct {
	leave  context.CancelFunc
	answer chan answer
}

// play plays one spec and then brings the environment back to what it was; it
// sets broken if that failed.
func play(t *testing.T, env environment, spec Spec, broken *bool) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := &run{
		t: t, ctx: ctx, env: env, clients: newClients(),
		files: map[string]string{}, begun: map[string]*begun{}, down: map[string]bool{}, stats: map[string]map[string]int{},
	}
	defer r.clients.close()
	// Registered first, so that it runs when the spec has failed as well.
	defer func() { *broken = !r.restore() }()
	if err := r.apply(spec.Policies); err != nil {
		t.Fatalf("policies: %v", err)
	}
	for _, sidecar := range append([]string{attached}, services...) {
		stats, err := r.counters(ctx, sidecar)
		if err != nil {
			t.Fatalf("stats of %s: %v", sidecar, err)
		}
		r.stats[sidecar] = stats
	}
	for i := range spec.Steps {
		step := &spec.Steps[i]
		name, err := step.name()
		if err == nil {
			err = r.step(step)
		}
		if err != nil {
			t.Fatalf("specs/%s.yaml:%d: %s: %v", spec.Name, step.Line, name, err)
		}
	}
	if r.load != nil || len(r.begun) > 0 {
		t.Errorf("specs/%s.yaml: the load or %d requests were not ended", spec.Name, len(r.begun))
	}
}

// step does the one thing that is set.
func (r *run) step(s *Step) error {
	switch {
	case s.Apply != nil:
		return r.apply(s.Apply)
	case s.Edit != nil:
		return r.edit(s.Edit)
	case s.Remove != nil:
		return r.remove(s.Remove)
	case s.Fault != nil:
		return r.fault(s.Fault)
	case s.Heal != nil:
		return r.heal(s.Heal)
	case s.Request != nil:
		return r.request(s.Request)
	case s.Begin != nil:
		return r.begin(s.Begin)
	case s.Finish != nil:
		return r.finish(s.Finish)
	case s.Leave != "":
		return r.leave(s.Leave)
	case s.Load != nil, s.Loaded != 0, s.EndLoad:
		return r.underLoad(s)
	case s.Seen != nil:
		return r.seen(s.Seen)
	case s.Metrics != nil:
		return r.metrics(s.Metrics)
	case s.Status != nil:
		return r.status(s.Status)
	case s.Tutti != nil:
		return r.tutti(s.Tutti)
	}
	return r.component(s)
}

func (r *run) fault(byService map[string]map[string]any) error {
	for service, fault := range byService {
		put := &Request{To: service, Method: "PUT", Path: "/_fault", JSON: fault, Expect: Expect{Status: 204}}
		if err := r.request(put); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) heal(names []string) error {
	for _, service := range names {
		if err := r.request(&Request{To: service, Method: "DELETE", Path: "/_fault", Expect: Expect{Status: 204}}); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) request(req *Request) error {
	base, err := r.env.url(orElse(req.To, services[0]))
	if err != nil {
		return err
	}
	if !req.Eventually {
		return r.clients.sendAll(r.ctx, base, req)
	}
	return eventually(r.ctx, func(ctx context.Context) error { return r.clients.sendAll(ctx, base, req) })
}

func (r *run) begin(requests map[string]*Request) error {
	for name, req := range requests {
		base, err := r.env.url(orElse(req.To, services[0]))
		if err != nil {
			return err
		}
		for n := range max(req.Repeat, 1) {
			ctx, leave := context.WithCancel(r.ctx)
			b := &begun{leave: leave, answer: make(chan answer, 1)}
			r.begun[name+strings.Repeat("'", n)] = b
			go func() { b.answer <- r.clients.send(ctx, base, req, n+1) }()
		}
	}
	return nil
}

// ofName are the requests that a begin with repeat started under one name.
func (r *run) ofName(name string) []string {
	var all []string
	for key := range r.begun {
		if strings.TrimRight(key, "'") == name {
			all = append(all, key)
		}
	}
	slices.Sort(all)
	return all
}

func (r *run) finish(expected map[string]*Expect) error {
	for name, expect := range expected {
		keys := r.ofName(name)
		if len(keys) == 0 {
			return fmt.Errorf("nothing was begun as %q", name)
		}
		for n, key := range keys {
			b := r.begun[key]
			delete(r.begun, key)
			if err := expect.check(<-b.answer, n+1); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	return nil
}

func (r *run) leave(name string) error {
	keys := r.ofName(name)
	if len(keys) == 0 {
		return fmt.Errorf("nothing was begun as %q", name)
	}
	for _, key := range keys {
		b := r.begun[key]
		delete(r.begun, key)
		b.leave()
		if got := <-b.answer; got.err == nil {
			return fmt.Errorf("%s was answered before it could leave\n%s", key, got)
		}
	}
	return nil
}

func (r *run) underLoad(s *Step) error {
	switch {
	case s.Load != nil && r.load != nil:
		return fmt.Errorf("there is a load already")
	case s.Load != nil:
		base, err := r.env.url(orElse(s.Load.To, services[0]))
		if err != nil {
			return err
		}
		r.load, r.loaded = r.clients.startLoad(r.ctx, base, s.Load), 0
		return nil
	case r.load == nil:
		return fmt.Errorf("there is no load")
	case s.Loaded > 0:
		from := r.load.count()
		return eventually(r.ctx, func(context.Context) error {
			if n := r.load.count() - from; n < s.Loaded {
				return fmt.Errorf("%d more answers, want %d", n, s.Loaded)
			}
			return nil
		})
	}
	n, err := r.load.end()
	r.load = nil
	r.t.Logf("%d answers under load", n)
	return err
}

// component starts, stops and awaits.
func (r *run) component(s *Step) error {
	component := s.Stop + s.Kill + s.Start + s.Stopped
	if err := checkComponent(component); err != nil {
		return err
	}
	switch {
	case s.Start != "":
		delete(r.down, component)
		return r.env.start(component)
	case s.Stopped == "":
		r.down[component] = true
		if err := r.env.signal(component, s.Kill != ""); err != nil || s.Kill == "" {
			return err
		}
		_, err := r.env.wait(r.ctx, component)
		return err
	}
	ctx, cancel := context.WithTimeout(r.ctx, pollLimit)
	defer cancel()
	code, err := r.env.wait(ctx, component)
	if err == nil && code != 0 {
		err = fmt.Errorf("%s ended with exit code %d", component, code)
	}
	return err
}

// restore undoes what the spec did, so that the next one finds all running and
// nothing configured. False if it could not.
func (r *run) restore() bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), 2*pollLimit)
	defer cancel()
	r.ctx = ctx
	if r.load != nil {
		r.load.end()
	}
	for _, b := range r.begun {
		b.leave()
	}
	restored := true
	check := func(err error) {
		if err != nil {
			r.t.Errorf("after the spec: %v", err)
			restored = false
		}
	}
	for component := range r.down {
		_, err := r.env.wait(ctx, component)
		check(err)
		check(r.env.start(component))
	}
	clear(r.down)
	for file := range r.files {
		check(os.Remove(filepath.Join(r.env.policiesDir(), file)))
	}
	clear(r.files)
	check(r.sync())
	for _, service := range services {
		for _, path := range []string{"/_fault", "/_seen"} {
			check(r.request(&Request{To: service, Method: "DELETE", Path: path, Eventually: true, Expect: Expect{Status: 204}}))
			if !restored {
				return false
			}
		}
	}
	return restored
}
