package controlplane

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tutti-mesh/tutti/controlplane/compile"
	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/controlplane/policy"
	"github.com/tutti-mesh/tutti/controlplane/publish"
	"github.com/tutti-mesh/tutti/controlplane/watch"
)

// pipeline takes files to sidecars. One goroutine runs it; HTTP reads what it
// has published.
type pipeline struct {
	cfg       Config
	publisher *publish.Publisher
	metrics   *metrics
	// joined says that a workload came that has no plan yet.
	joined chan struct{}
	// These belong to run. last is what was compiled before, also before a
	// restart; started says that policies have been read since.
	files   []policy.File
	set     policy.Set
	last    *compile.Result
	good    *goodFiles
	started bool

	mu sync.Mutex
	// published is what sidecars have been given, nil before the first time.
	published *compile.Result
	// unreadable says that the directory cannot be read now.
	unreadable error
}

func newPipeline(cfg Config, good *goodFiles) *pipeline {
	p := &pipeline{cfg: cfg, joined: make(chan struct{}, 1), good: good, last: good.last()}
	p.publisher = publish.New(publish.Config{
		Logger: cfg.Logger,
		Joined: func(mesh.Workload) {
			select {
			case p.joined <- struct{}{}:
			default:
			}
		},
	})
	p.metrics = newMetrics(p)
	return p
}

func (p *pipeline) run(ctx context.Context, snapshots <-chan watch.Snapshot, addrs Addrs) {
	for {
		select {
		case <-ctx.Done():
			return
		case s, ok := <-snapshots:
			if !ok {
				return
			}
			first := !p.started
			p.read(s)
			if first && p.started && p.cfg.Ready != nil {
				p.cfg.Ready(addrs)
			}
		case <-p.joined:
			if p.started {
				p.compile(time.Now())
			}
		}
	}
}

// read takes new files. If the directory cannot be read, all stays as it is.
func (p *pipeline) read(s watch.Snapshot) {
	p.mu.Lock()
	p.unreadable = s.Err
	p.mu.Unlock()
	if s.Err != nil {
		p.cfg.Logger.Error("policies cannot be read; what serves stays", "error", s.Err)
		return
	}
	start := time.Now()
	files := make([]policy.File, len(s.Files))
	for i, f := range s.Files {
		files[i] = policy.File{Name: f.Name, Data: f.Data, Err: f.Err}
	}
	p.files = files
	p.set, _ = policy.Parse(files)
	p.started = true
	p.compile(start)
}

// compile makes plans and hands them on. What it made is shown only afterwards:
// who sees a policy in the status can rely on the sidecars' states.
func (p *pipeline) compile(start time.Time) {
	result := compile.Compile(compile.Input{
		Policies:  p.set,
		Workloads: p.publisher.Workloads(),
		Last:      p.last,
	})
	p.metrics.compile.Observe(time.Since(start).Seconds())
	p.logProblems(&result)
	p.last = &result
	if err := p.good.update(p.files, result.Problems); err != nil {
		p.cfg.Logger.Error("the last good versions cannot be kept over a restart", "error", err)
	}
	world := make(map[mesh.Workload]publish.Wanted, len(result.Workloads))
	for w, c := range result.Workloads {
		world[w] = publish.Wanted{Plan: c.Plan, Upstreams: c.Upstreams}
	}
	p.publisher.Update(world)
	p.mu.Lock()
	p.published = &result
	p.mu.Unlock()
}

// logProblems logs those that were not there the last time.
func (p *pipeline) logProblems(r *compile.Result) {
	known := map[string]bool{}
	if p.last != nil {
		for _, problem := range p.last.Problems {
			known[problem.String()] = true
		}
	}
	for _, problem := range r.Problems {
		if !known[problem.String()] {
			p.cfg.Logger.Warn("problem in a policy", "problem", problem.String())
		}
	}
	if p.last == nil || len(p.last.Conditions) != len(r.Conditions) || len(p.last.Problems) != len(r.Problems) {
		p.cfg.Logger.Info("policies compiled", "policies", len(r.Conditions), "problems", len(r.Problems))
	}
}

// status is what /v1/status answers. The result is read before the sidecars, so
// that they are at least as far.
func (p *pipeline) status() Status {
	p.mu.Lock()
	result, unreadable := p.published, p.unreadable
	p.mu.Unlock()
	st := Status{Version: p.cfg.Version, Policies: []PolicyStatus{}, Problems: []ProblemStatus{}}
	if unreadable != nil {
		st.Problems = append(st.Problems, ProblemStatus{
			File: p.cfg.PoliciesDir, Code: "unreadable-directory", Severity: policy.Error.String(),
			Message: fmt.Sprintf("cannot be read, what serves stays: %v", unreadable),
		})
	}
	if result != nil {
		for _, c := range result.Conditions {
			st.Policies = append(st.Policies, PolicyStatus{
				Kind: c.Kind, Name: c.Name, File: c.File, Type: c.Type, Status: c.Status,
				Reason: c.Reason, Message: c.Message, ObservedHash: c.ObservedHash, ServingHash: c.ServingHash,
			})
		}
		for _, q := range result.Problems {
			st.Problems = append(st.Problems, ProblemStatus{
				File: q.File, Line: q.Line, Col: q.Col, Path: q.Path, Code: q.Code, Message: q.Message,
				Hint: q.Hint, Severity: q.Severity.String(), Kind: q.Kind, Name: q.Name,
			})
		}
	}
	st.Sidecars = p.publisher.Status()
	return st
}

// ready says that policies have been read and sidecars are being served.
func (p *pipeline) ready() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.published != nil
}
