package publish

import (
	"maps"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/controlplane/xds"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// Wanted is what one workload should have, as compile made it.
type Wanted struct {
	Plan      *plan.Plan
	Upstreams []mesh.Upstream
}

// wanted is the same rendered for one sort of sidecar. Shared by all that are
// alike and never changed, but for the memory of what was rendered on the way.
type wanted struct {
	source   Wanted
	plan     *plan.Plan
	planHash string
	sidecar  mesh.Sidecar

	clusters  set
	endpoints set
	listeners set
	// extensions and routes have one resource each; routes none if attached.
	extensions set
	routes     set
	// keys are the routeKeys of plan.
	keys []string

	mu sync.Mutex
	// between are ECDS resources of plans that exist only on the way here, by
	// the hash of the plan, so that a thousand sidecars render them once.
	between map[string]*resource
}

func newWanted(w Wanted, sc mesh.Sidecar) (*wanted, error) {
	built, err := xds.Build(w.Plan, w.Upstreams, sc)
	if err != nil {
		return nil, err
	}
	out := &wanted{
		source: w, plan: w.Plan, planHash: Hash(w.Plan), sidecar: sc,
		keys:    routeKeys(w.Plan.Policies),
		between: map[string]*resource{},
	}
	for _, part := range []struct {
		typeURL string
		to      *set
		notes   []string
	}{
		{xds.ClusterType, &out.clusters, nil},
		{xds.EndpointType, &out.endpoints, nil},
		{xds.ListenerType, &out.listeners, nil},
		{xds.ExtensionType, &out.extensions, planNotes(w.Plan)},
		{xds.RouteType, &out.routes, out.keys},
	} {
		if *part.to, err = newSet(built[part.typeURL], part.notes); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func newSet(messages map[string]proto.Message, notes []string) (set, error) {
	out := set{}
	for _, name := range slices.Sorted(maps.Keys(messages)) {
		r, err := newResource(name, messages[name], notes...)
		if err != nil {
			return nil, err
		}
		out[name] = r
	}
	return out, nil
}

// planNotes are kept in the version of an ECDS resource.
func planNotes(p *plan.Plan) []string {
	if h := Hash(p); h != "" {
		return []string{h}
	}
	return nil
}

// extension renders the ECDS resource of any plan for this sort of sidecar.
func (w *wanted) extension(p *plan.Plan) (*resource, error) {
	if p == w.plan {
		return w.extensions[xds.FilterName], nil
	}
	h := Hash(p)
	if h == w.planHash {
		return w.extensions[xds.FilterName], nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.between[h]; r != nil {
		return r, nil
	}
	m, err := xds.Extension(p, w.sidecar)
	if err != nil {
		return nil, err
	}
	r, err := newResource(xds.FilterName, m, planNotes(p)...)
	if err == nil {
		w.between[h] = r
	}
	return r, err
}

// routesOf renders the RDS resource of any policies.
func routesOf(policies []plan.Policy) (*resource, error) {
	m, err := xds.Routes(policies)
	if err != nil {
		return nil, err
	}
	return newResource(xds.InboundName, m, routeKeys(policies)...)
}
