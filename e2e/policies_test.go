package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
)

// apply writes policies and waits until every sidecar runs what follows.
func (r *run) apply(files map[string]string) error {
	for name, text := range files {
		text, err := policyText(text)
		if err != nil {
			return err
		}
		if err := r.write(name, text); err != nil {
			return err
		}
	}
	return r.sync()
}

func (r *run) write(name, text string) error {
	r.files[name] = text
	return writeWhole(r.env.policiesDir(), name, r.env.rewrite(text))
}

func (r *run) edit(files map[string]map[string]string) error {
	for name, changes := range files {
		text, ok := r.files[name]
		if !ok {
			return fmt.Errorf("no file %q", name)
		}
		var pairs []string
		for old, changed := range changes {
			if strings.Count(text, old) != 1 {
				return fmt.Errorf("%s has %q %d times, want once", name, old, strings.Count(text, old))
			}
			pairs = append(pairs, old, changed)
		}
		if err := r.write(name, strings.NewReplacer(pairs...).Replace(text)); err != nil {
			return err
		}
	}
	return r.sync()
}

func (r *run) remove(names []string) error {
	for _, name := range names {
		if err := os.Remove(filepath.Join(r.env.policiesDir(), name)); err != nil {
			return err
		}
		delete(r.files, name)
	}
	return r.sync()
}

// markers counts the markers of all specs: each has a name of its own.
var markers atomic.Int64

// sync waits until the control plane has read the folder as it is now and every
// sidecar that runs has acknowledged what follows. It asks from outside: a
// policy that is not enabled, written last, shows in the status once all
// before it has been read. With the control plane down there is nothing to
// wait for.
func (r *run) sync() error {
	if r.down[controlPlane] {
		return nil
	}
	marker := fmt.Sprintf("marker-%d", markers.Add(1))
	if err := writeWhole(r.env.policiesDir(), "marker.yaml", fmt.Sprintf(markerPolicy, marker)); err != nil {
		return err
	}
	return eventually(r.ctx, func(ctx context.Context) error {
		text, err := r.statusText(ctx)
		if err != nil {
			return err
		}
		return r.synced(text, marker)
	})
}

// status is the part of GET /v1/status that sync reads.
type status struct {
	Sidecars []struct {
		Service  string `json:"service"`
		Attached bool   `json:"attached"`
		State    string `json:"state"`
	} `json:"sidecars"`
	Policies []named `json:"policies"`
}

type named struct {
	Name string `json:"name"`
}

func (r *run) synced(text []byte, marker string) error {
	var s status
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("GET /v1/status: %w", err)
	}
	if !slices.Contains(s.Policies, named{marker}) {
		return fmt.Errorf("the control plane has not read %s\n%s", marker, text)
	}
	synced := map[string]bool{}
	for _, sidecar := range s.Sidecars {
		if sidecar.State == "SYNCED" {
			synced[sidecar.Service] = true
		}
	}
	for _, service := range services {
		if !r.down[service+"-sidecar"] && !synced[service] {
			return fmt.Errorf("the sidecar of %s is not SYNCED\n%s", service, text)
		}
	}
	if !synced[gateway] {
		return fmt.Errorf("the attached Envoy is not SYNCED\n%s", text)
	}
	return nil
}

const markerPolicy = `apiVersion: tutti.dev/v1alpha1
kind: Upstream
metadata: {name: marker}
spec: {endpoints: ["127.0.0.1:1"]}
---
apiVersion: tutti.dev/v1alpha1
kind: Aggregation
metadata: {name: %s}
spec:
  enabled: false
  targetRefs: [{kind: Service, name: storefront}]
  match: {path: /marker}
  calls: [{name: marker, upstream: marker, path: /}]
  response: {body: {}}
`
