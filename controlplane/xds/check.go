package xds

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/tutti-mesh/tutti/filter/plan"
)

// Check says whether resources fit together, which no library does across these
// types: every route that enables the filter has its policy in the plan, every
// cluster that the plan calls and the routes name is there, every EDS cluster
// has its endpoints. Steps that are not marked call clusters that the Envoy
// has without us; they are not looked for. Resources without routes and
// clusters are an attached Envoy's, where only the plan has to be readable.
func Check(r Resources) error {
	ext, ok := r[ExtensionType][FilterName].(*core.TypedExtensionConfig)
	if !ok {
		return fmt.Errorf("no %s %q", short(ExtensionType), FilterName)
	}
	p, err := planOf(ext)
	if err != nil {
		return fmt.Errorf("the plan cannot be read back: %w", err)
	}
	if p == nil {
		p = &plan.Plan{}
	}
	if r[RouteType] == nil && r[ClusterType] == nil {
		return nil
	}
	return errors.Join(checkRoutes(r, p), checkSteps(r, p), checkEndpoints(r))
}

func checkRoutes(r Resources, p *plan.Plan) error {
	var errs []error
	config, _ := r[RouteType][InboundName].(*route.RouteConfiguration)
	for _, host := range config.GetVirtualHosts() {
		for _, rt := range host.GetRoutes() {
			if name := rt.GetRoute().GetCluster(); r[ClusterType][name] == nil {
				errs = append(errs, fmt.Errorf("route %s: no cluster %s", rt.GetName(), name))
			}
			enabled := rt.GetTypedPerFilterConfig()[FilterName] != nil
			if enabled && !slices.ContainsFunc(p.Policies, func(q plan.Policy) bool { return q.Name == rt.GetName() }) {
				errs = append(errs, fmt.Errorf("route %s: no such policy in the plan", rt.GetName()))
			}
		}
	}
	return errors.Join(errs...)
}

func checkSteps(r Resources, p *plan.Plan) error {
	var errs []error
	for i := range p.Policies {
		for _, s := range p.Policies[i].Steps {
			if s.Marked && r[ClusterType][s.Cluster] == nil {
				errs = append(errs, fmt.Errorf("policy %s: step %s: no cluster %s", p.Policies[i].Name, s.Name, s.Cluster))
			}
		}
	}
	return errors.Join(errs...)
}

func checkEndpoints(r Resources) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(r[ClusterType])) {
		c, ok := r[ClusterType][name].(*cluster.Cluster)
		if ok && c.GetType() == cluster.Cluster_EDS && r[EndpointType][name] == nil {
			errs = append(errs, fmt.Errorf("cluster %s: no endpoints", name))
		}
	}
	return errors.Join(errs...)
}
