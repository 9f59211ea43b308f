package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tutti-mesh/tutti/controlplane"
	"github.com/tutti-mesh/tutti/controlplane/policy"
	"github.com/tutti-mesh/tutti/controlplane/publish"
)

// statusPoll is how often --wait-synced asks.
const statusPoll = 100 * time.Millisecond

func newStatus() *cobra.Command {
	var server string
	var wait bool
	var sidecars int
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:     "status",
		GroupID: groupLook,
		Short:   "Show which sidecar runs which plan, and what became of each policy",
		Long: `Asks the control plane. Each sidecar is
  SYNCED         it has acknowledged all that it should have
  SYNCING        something is on its way
  STALE          something has been on its way for too long
  ERROR          it has refused something, and keeps what it had
  NOT CONNECTED  it is gone, or serves on its own

PLAN is the short hash of the plan that it acknowledged; "a -> b" means that b is
on its way; "-" is no policy at all. A policy whose SERVING differs from WRITTEN
has an error: its last good version serves.

With --wait-synced it waits until every sidecar that is connected is SYNCED, at
least --sidecars of them, and ends with 1 if that takes longer than --timeout.`,
		Example: `  tutti status
  tutti status -o json --server http://tutti.mesh:18001
  tutti status --wait-synced --sidecars 4 --timeout 1m`,
		Args: cobra.NoArgs,
	}
	out := addOutput(cmd)
	f := cmd.Flags()
	f.StringVar(&server, "server", "http://"+controlplane.DefaultHTTPAddr, "`URL` of the control plane's HTTP port")
	f.BoolVar(&wait, "wait-synced", false, "wait until all is acknowledged")
	f.IntVar(&sidecars, "sidecars", 1, "with --wait-synced: wait until there are that many")
	f.DurationVar(&timeout, "timeout", 30*time.Second, "with --wait-synced: longest wait; without: longest answer")
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
		defer cancel()
		if u, err := url.Parse(server); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return usageError{fmt.Errorf("--server %q: want http://HOST:PORT", server)}
		}
		c := statusClient{server: strings.TrimSuffix(server, "/")}
		var raw []byte
		var st controlplane.Status
		var err error
		if wait {
			raw, st, err = c.waitSynced(ctx, sidecars)
		} else {
			raw, st, err = c.get(ctx)
		}
		if raw == nil {
			return err
		}
		return errors.Join(err, printStatus(cmd.OutOrStdout(), *out, raw, st, time.Now()))
	})
	return cmd
}

// statusClient asks a control plane.
type statusClient struct{ server string }

// get returns the answer as it came and decoded.
func (c statusClient) get(ctx context.Context) ([]byte, controlplane.Status, error) {
	var st controlplane.Status
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server+"/v1/status", nil)
	if err != nil {
		return nil, st, fmt.Errorf("--server: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, st, fmt.Errorf("no control plane at %s: %w; is `tutti serve` running there? --server names another", c.server, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, st, fmt.Errorf("%s/v1/status: %w", c.server, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, st, fmt.Errorf("%s/v1/status: status %d: %.200s", c.server, resp.StatusCode, bytes.TrimSpace(raw))
	}
	if err := json.Unmarshal(raw, &st); err != nil {
		return nil, st, fmt.Errorf("%s is no control plane of Tutti's: /v1/status: %w", c.server, err)
	}
	return raw, st, nil
}

// waitSynced asks until all is acknowledged. When ctx ends first, it returns
// the last answer and an error that says what is missing.
func (c statusClient) waitSynced(ctx context.Context, sidecars int) ([]byte, controlplane.Status, error) {
	var raw []byte
	var st controlplane.Status
	var last error
	t := time.NewTicker(statusPoll)
	defer t.Stop()
	for {
		nextRaw, next, err := c.get(ctx)
		switch {
		case err == nil:
			raw, st = nextRaw, next
			if unsynced(st, sidecars) == "" {
				return raw, st, nil
			}
		case ctx.Err() == nil || last == nil:
			last = err // the end of the wait is no reason
		}
		select {
		case <-ctx.Done():
			if raw == nil {
				return nil, st, last
			}
			return raw, st, fmt.Errorf("gave up waiting: %s", unsynced(st, sidecars))
		case <-t.C:
		}
	}
}

// unsynced says what is missing until n sidecars are connected and all that
// are connected are synced; empty if nothing is.
func unsynced(st controlplane.Status, n int) string {
	connected := 0
	var late []string
	for _, s := range st.Sidecars {
		switch s.State {
		case publish.NotConnected:
		case publish.Synced:
			connected++
		default:
			connected++
			late = append(late, fmt.Sprintf("%s is %s", s.ID, s.State))
		}
	}
	if connected < n {
		late = append(late, fmt.Sprintf("%d of %d sidecars are connected", connected, n))
	}
	return strings.Join(late, ", ")
}

func printStatus(w io.Writer, out output, raw []byte, st controlplane.Status, now time.Time) error {
	if out == asJSON {
		var b bytes.Buffer
		if err := json.Indent(&b, bytes.TrimSpace(raw), "", "  "); err != nil {
			return err
		}
		b.WriteByte('\n')
		_, err := w.Write(b.Bytes())
		return err
	}
	rows := [][]string{{"SIDECAR", "SERVICE", "STATE", "FOR", "PLAN", "ENVOY", "TUTTI"}}
	for _, s := range st.Sidecars {
		service := s.Service
		if s.Attached {
			service += " (attached)"
		}
		rows = append(rows, []string{
			s.ID, service, string(s.State), age(now.Sub(s.Since)), plans(s), orDash(s.EnvoyVersion), orDash(s.TuttiVersion),
		})
	}
	if err := section(w, rows, "no sidecars yet: start one with `tutti sidecar` or `tutti attach`"); err != nil {
		return err
	}
	for _, s := range st.Sidecars {
		if s.Error != "" {
			fmt.Fprintf(w, "%s: %s\n", s.ID, s.Error)
		}
	}
	fmt.Fprintln(w)
	rows = [][]string{{"POLICY", "ACCEPTED", "REASON", "WRITTEN", "SERVING", "FILE", "MESSAGE"}}
	for _, p := range st.Policies {
		accepted := "no"
		if p.Status {
			accepted = "yes"
		}
		rows = append(rows, []string{p.Name, accepted, p.Reason, orDash(p.ObservedHash), orDash(p.ServingHash), p.File, p.Message})
	}
	if err := section(w, rows, "no policies yet"); err != nil {
		return err
	}
	if len(st.Problems) > 0 {
		fmt.Fprintln(w)
	}
	for _, p := range st.Problems {
		fmt.Fprintln(w, problemLine(p))
	}
	return nil
}

func problemLine(p controlplane.ProblemStatus) string {
	problem := policy.Problem{File: p.File, Line: p.Line, Col: p.Col, Path: p.Path, Code: p.Code, Message: p.Message, Hint: p.Hint}
	if p.Severity == policy.Warning.String() {
		problem.Severity = policy.Warning
	}
	return problem.String()
}

// section is a table, or a sentence if it has no rows.
func section(w io.Writer, rows [][]string, none string) error {
	if len(rows) == 1 {
		_, err := fmt.Fprintln(w, none)
		return err
	}
	return table(w, rows)
}

// plans shows the acknowledged plan and, if another is wanted, that too.
func plans(s publish.SidecarStatus) string {
	if s.AckedPlan == s.WantedPlan {
		return orDash(s.AckedPlan)
	}
	return orDash(s.AckedPlan) + " -> " + orDash(s.WantedPlan)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// age is a duration at a glance: 12s, 5m, 3h, 8d.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
