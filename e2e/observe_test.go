package e2e

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func (r *run) seen(byService map[string]any) error {
	for service, subset := range byService {
		get := &Request{To: service, Path: "/_seen", Eventually: true, Expect: Expect{Subset: subset}}
		if err := r.request(get); err != nil {
			return fmt.Errorf("%s: %w", service, err)
		}
	}
	return nil
}

var statLine = regexp.MustCompile(`^(\S+): (\d+)$`)

// counters reads Tutti's counters from a sidecar's Envoy, without the prefix
// that Envoy puts before them.
func (r *run) counters(ctx context.Context, sidecar string) (map[string]int, error) {
	base, err := r.env.url(sidecar + ".admin")
	if err != nil {
		return nil, err
	}
	got := r.clients.send(ctx, base, &Request{Path: "/stats?filter=" + `^wasmcustom\.tutti\.`}, 0)
	if got.err != nil || got.status != 200 {
		return nil, fmt.Errorf("GET /stats: %s", got)
	}
	stats := map[string]int{}
	lines := bufio.NewScanner(strings.NewReader(string(got.body)))
	for lines.Scan() {
		if m := statLine.FindStringSubmatch(lines.Text()); m != nil {
			n, err := strconv.Atoi(m[2])
			if err != nil {
				return nil, err
			}
			stats[strings.TrimPrefix(m[1], "wasmcustom.")] = n
		}
	}
	return stats, lines.Err()
}

func (r *run) metrics(bySidecar map[string]map[string]int) error {
	return eventually(r.ctx, func(ctx context.Context) error {
		for sidecar, wanted := range bySidecar {
			stats, err := r.counters(ctx, sidecar)
			if err != nil {
				return err
			}
			for _, name := range slices.Sorted(maps.Keys(wanted)) {
				if rose := stats[name] - r.stats[sidecar][name]; rose != wanted[name] {
					return fmt.Errorf("%s: %s rose by %d, want %d\nbefore: %v\nnow: %v", sidecar, name, rose, wanted[name], r.stats[sidecar], stats)
				}
			}
		}
		return nil
	})
}

func (r *run) status(subset any) error {
	want := Expect{Subset: subset}
	return eventually(r.ctx, func(ctx context.Context) error {
		text, err := r.statusText(ctx)
		if err != nil {
			return err
		}
		return want.check(answer{body: text}, 0)
	})
}

// statusText asks the control plane as `tutti status` does: starting a process
// for each look would take much of what there is on two cores.
func (r *run) statusText(ctx context.Context) ([]byte, error) {
	server, err := r.env.url(controlPlane)
	if err != nil {
		return nil, err
	}
	got := r.clients.send(ctx, server, &Request{Path: "/v1/status"}, 0)
	if got.err != nil || got.status != 200 {
		return nil, fmt.Errorf("GET /v1/status: %s", got)
	}
	return got.body, nil
}

var placeholder = regexp.MustCompile(`\{\{([a-z.-]+)\}\}`)

func (r *run) tutti(c *Command) error {
	var args []string
	for _, arg := range c.Args {
		var failed error
		args = append(args, placeholder.ReplaceAllStringFunc(arg, func(found string) string {
			url, err := r.env.url(placeholder.FindStringSubmatch(found)[1])
			if err != nil {
				failed = err
			}
			return url
		}))
		if failed != nil {
			return failed
		}
	}
	return eventually(r.ctx, func(ctx context.Context) error {
		cmd := exec.CommandContext(ctx, r.env.tutti(), args...)
		output, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			return err
		}
		if code := cmd.ProcessState.ExitCode(); code != c.Exit {
			return fmt.Errorf("exit code %d, want %d\n%s", code, c.Exit, output)
		}
		for _, part := range c.Contains {
			if !strings.Contains(string(output), part) {
				return fmt.Errorf("output lacks %q\n%s", part, output)
			}
		}
		return nil
	})
}
