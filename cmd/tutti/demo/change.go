package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/tutti-mesh/tutti/controlplane"
)

// The change: the answer tells how many are left, too.
const (
	anchor     = `      available: "${steps.stock.body.count > 0}"` + "\n"
	addedField = "left"
	addedLine  = `      ` + addedField + `: ${steps.stock.body.count}`
)

// changed is what there is to tell of a change.
type changed struct {
	line     string
	took     time.Duration
	requests int
}

// change writes the policy anew and waits until every sidecar has acknowledged
// what follows from it, with requests going on all the time.
func (m *mesh) change(ctx context.Context) (changed, error) {
	text, err := os.ReadFile(m.policyFile())
	if err != nil {
		return changed{}, fmt.Errorf("demo: %w", err)
	}
	if !strings.Contains(string(text), anchor) {
		return changed{}, fmt.Errorf("%s has no line %q, which the demo changes: use e2e/policies/shop.yaml", m.Policies, strings.TrimSpace(anchor))
	}
	var before string
	if err := m.waitStatus(ctx, func(st controlplane.Status) (err error) { before, err = wantedPlan(st); return err }); err != nil {
		return changed{}, err
	}
	old, err := m.expected(ctx, "")
	if err != nil {
		return changed{}, err
	}
	next, err := m.expected(ctx, addedField)
	if err != nil {
		return changed{}, err
	}
	load := m.keepAsking(ctx, old, next)
	began := time.Now()
	if err := m.writePolicy(strings.Replace(string(text), anchor, anchor+addedLine+"\n", 1)); err != nil {
		return changed{}, errors.Join(err, load.stop())
	}
	err = m.waitStatus(ctx, func(st controlplane.Status) error {
		plan, err := wantedPlan(st)
		if err == nil && plan == before {
			err = errors.New("the control plane has not taken up the change")
		}
		return errors.Join(err, allSynced(st))
	})
	took := time.Since(began)
	if err := errors.Join(err, load.stop()); err != nil {
		return changed{}, fmt.Errorf("changing the policy: %w", err)
	}
	return changed{line: addedLine, took: took, requests: load.sent}, nil
}

// wantedPlan is the plan of the storefront's sidecar.
func wantedPlan(st controlplane.Status) (string, error) {
	for _, s := range st.Sidecars {
		if s.Service == shop[0] {
			return s.WantedPlan, nil
		}
	}
	return "", errors.New("the sidecar of " + shop[0] + " is not there")
}

// load asks one request after the other.
type load struct {
	sent   int
	err    error
	cancel context.CancelFunc
	ended  chan struct{}
}

// keepAsking returns once the first answer is there. Every answer must be one
// of those expected.
func (m *mesh) keepAsking(ctx context.Context, expected ...[]byte) *load {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{cancel: cancel, ended: make(chan struct{})}
	first := make(chan struct{})
	go func() {
		defer close(l.ended)
		for ctx.Err() == nil && l.err == nil {
			// Not ctx: a request that is under way is waited for.
			l.err = m.askOne(context.WithoutCancel(ctx), expected)
			if l.sent++; l.sent == 1 {
				close(first)
			}
		}
	}()
	<-first
	return l
}

func (m *mesh) askOne(ctx context.Context, expected [][]byte) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	body, err := get(ctx, m.pageURL())
	if err != nil {
		return fmt.Errorf("a request failed: %w", err)
	}
	for _, want := range expected {
		if bytes.Equal(compact(body), want) {
			return nil
		}
	}
	return fmt.Errorf("an answer is neither the old one nor the new one: %s", body)
}

// stop ends it and returns what went wrong.
func (l *load) stop() error {
	l.cancel()
	<-l.ended
	return l.err
}
