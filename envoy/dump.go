package envoy

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
)

// Facts are what an Envoy's admin interface tells of it, as far as Check asks.
// They are read loosely: a dump of a newer Envoy has more in it.
type Facts struct {
	// Build is the version string of /server_info.
	Build  string
	NodeID string
	// Self is the sidecar as the node metadata describes it; nil without.
	Self *mesh.Sidecar
	// Clusters are the names of all clusters; the value says whether the
	// cluster speaks HTTP/2 for certain.
	Clusters map[string]bool
	// Chains are the HTTP filter chains of all listeners.
	Chains []Chain
	// Plugin is what the ECDS resource holds; nil if it has not come.
	Plugin *Plugin
	// Refused says that Envoy did not take Plugin and keeps what it had.
	Refused bool
	// Connected says that there is a stream to the control plane.
	Connected bool
}

// Chain are the HTTP filters of one connection manager, in order.
type Chain struct {
	Listener string
	// Filters are the names; Discovered says that the one named FilterName
	// takes its configuration from ECDS, Source from which cluster.
	Filters    []string
	Discovered bool
	Source     string
	// Disabled says that the filter is off unless a route turns it on.
	Disabled bool
}

// Plugin is the filter's configuration.
type Plugin struct {
	// Type is the short name of the message: Wasm, or HeaderMutation for the
	// filter that does nothing.
	Type string
	// Plan is the plan's JSON, of a Wasm.
	Plan string
	// ModulePath is the file that the code comes from, of a Wasm.
	ModulePath string
	// Came is when Envoy got it.
	Came time.Time
}

// ReadFacts asks the admin interface.
func ReadFacts(ctx context.Context, a Admin) (Facts, error) {
	f := Facts{Clusters: map[string]bool{}}
	var info struct {
		Version string   `json:"version"`
		Node    nodeDump `json:"node"`
	}
	if err := a.get(ctx, "/server_info", &info); err != nil {
		return f, err
	}
	f.Build, f.NodeID, f.Self = info.Version, info.Node.ID, info.Node.Metadata.Tutti
	s, err := readStats(ctx, a)
	if err != nil {
		return f, err
	}
	f.Connected = s[discovery+"control_plane.connected_state"] == 1
	if f.Self != nil && !f.Self.Attached {
		f.Connected = s["control_plane.connected_state"] == 1
	}
	var dump struct {
		Configs []json.RawMessage `json:"configs"`
	}
	if err := a.get(ctx, "/config_dump", &dump); err != nil {
		return f, err
	}
	for _, raw := range dump.Configs {
		if err := f.section(raw); err != nil {
			return f, fmt.Errorf("admin %s/config_dump: %w", a.URL, err)
		}
	}
	// A dump shows what came last, taken or not. The gauge has the time of the
	// last one that was taken, which is after it came.
	f.Refused = s[discovery+"update_rejected"] > 0 && f.Plugin != nil && float64(f.Plugin.Came.UnixMilli()) > s[discovery+"update_time"]
	return f, nil
}

// discovery begins the names of the stats of the filter's ECDS subscription.
const discovery = "extension_config_discovery.http_filter." + FilterName + "."

// readStats reads what is asked of /stats, by name.
func readStats(ctx context.Context, a Admin) (map[string]float64, error) {
	const filter = `control_plane\.connected_state$|^extension_config_discovery\.http_filter\.tutti\.update_(rejected|time)$`
	var answer struct {
		Stats []struct {
			Name  string  `json:"name"`
			Value float64 `json:"value"`
		} `json:"stats"`
	}
	if err := a.get(ctx, "/stats?format=json&filter="+url.QueryEscape(filter), &answer); err != nil {
		return nil, err
	}
	byName := map[string]float64{}
	for _, s := range answer.Stats {
		byName[s.Name] = s.Value
	}
	return byName, nil
}

type nodeDump struct {
	ID       string `json:"id"`
	Metadata struct {
		Tutti *mesh.Sidecar `json:"tutti"`
	} `json:"metadata"`
}

// section reads one part of a config_dump.
func (f *Facts) section(raw json.RawMessage) error {
	var kind struct {
		Type string `json:"@type"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return err
	}
	switch shortType(kind.Type) {
	case "ClustersConfigDump":
		return f.clusters(raw)
	case "ListenersConfigDump":
		return f.listeners(raw)
	case "EcdsConfigDump":
		return f.extensions(raw)
	}
	return nil
}

func (f *Facts) clusters(raw json.RawMessage) error {
	type entry struct {
		Cluster struct {
			Name    string          `json:"name"`
			HTTP2   json.RawMessage `json:"http2_protocol_options"`
			Options map[string]struct {
				Explicit struct {
					HTTP2 json.RawMessage `json:"http2_protocol_options"`
				} `json:"explicit_http_config"`
			} `json:"typed_extension_protocol_options"`
		} `json:"cluster"`
	}
	var dump struct {
		Static  []entry `json:"static_clusters"`
		Dynamic []entry `json:"dynamic_active_clusters"`
	}
	if err := json.Unmarshal(raw, &dump); err != nil {
		return err
	}
	for _, e := range slices.Concat(dump.Static, dump.Dynamic) {
		http2 := e.Cluster.HTTP2 != nil
		for _, o := range e.Cluster.Options {
			http2 = http2 || o.Explicit.HTTP2 != nil
		}
		f.Clusters[e.Cluster.Name] = http2
	}
	return nil
}

func (f *Facts) listeners(raw json.RawMessage) error {
	var dump struct {
		Static []struct {
			Listener map[string]any `json:"listener"`
		} `json:"static_listeners"`
		Dynamic []struct {
			Name   string `json:"name"`
			Active struct {
				Listener map[string]any `json:"listener"`
			} `json:"active_state"`
		} `json:"dynamic_listeners"`
	}
	if err := json.Unmarshal(raw, &dump); err != nil {
		return err
	}
	for _, l := range dump.Static {
		f.chains(listenerName(l.Listener), l.Listener)
	}
	for _, l := range dump.Dynamic {
		f.chains(l.Name, l.Active.Listener)
	}
	return nil
}

func listenerName(l map[string]any) string {
	if name, _ := l["name"].(string); name != "" {
		return name
	}
	return "(without a name)"
}

// chains finds connection managers wherever they are: in filter chains, in the
// default one, inside of matchers.
func (f *Facts) chains(listener string, v any) {
	switch v := v.(type) {
	case map[string]any:
		if filters, ok := v["http_filters"].([]any); ok {
			f.Chains = append(f.Chains, chainOf(listener, filters))
			return
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			f.chains(listener, v[k])
		}
	case []any:
		for _, e := range v {
			f.chains(listener, e)
		}
	}
}

func chainOf(listener string, filters []any) Chain {
	c := Chain{Listener: listener}
	for _, e := range filters {
		filter, _ := e.(map[string]any)
		name, _ := filter["name"].(string)
		c.Filters = append(c.Filters, name)
		if name != FilterName {
			continue
		}
		c.Disabled, _ = filter["disabled"].(bool)
		_, c.Discovered = filter["config_discovery"]
		c.Source = sourceOf(filter)
	}
	return c
}

// sourceOf is the cluster of a config_discovery, "ads", or empty.
func sourceOf(filter map[string]any) string {
	discovery, _ := filter["config_discovery"].(map[string]any)
	source, _ := discovery["config_source"].(map[string]any)
	if _, ads := source["ads"]; ads {
		return "ads"
	}
	api, _ := source["api_config_source"].(map[string]any)
	services, _ := api["grpc_services"].([]any)
	for _, s := range services {
		service, _ := s.(map[string]any)
		grpc, _ := service["envoy_grpc"].(map[string]any)
		if name, _ := grpc["cluster_name"].(string); name != "" {
			return name
		}
	}
	return ""
}

func (f *Facts) extensions(raw json.RawMessage) error {
	var dump struct {
		Filters []struct {
			Filter struct {
				Name   string          `json:"name"`
				Config json.RawMessage `json:"typed_config"`
			} `json:"ecds_filter"`
			Came time.Time `json:"last_updated"`
		} `json:"ecds_filters"`
	}
	if err := json.Unmarshal(raw, &dump); err != nil {
		return err
	}
	for _, e := range dump.Filters {
		if e.Filter.Name != FilterName {
			continue
		}
		p, err := pluginOf(e.Filter.Config)
		if err != nil {
			return err
		}
		p.Came = e.Came
		f.Plugin = p
	}
	return nil
}

func pluginOf(raw json.RawMessage) (*Plugin, error) {
	var c struct {
		Type   string `json:"@type"`
		Config struct {
			Configuration struct {
				Value string `json:"value"`
			} `json:"configuration"`
			VM struct {
				Code struct {
					Local struct {
						Filename string `json:"filename"`
					} `json:"local"`
				} `json:"code"`
			} `json:"vm_config"`
		} `json:"config"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, err
	}
	return &Plugin{Type: shortType(c.Type), Plan: c.Config.Configuration.Value, ModulePath: c.Config.VM.Code.Local.Filename}, nil
}

// shortType is the last part of a type URL.
func shortType(url string) string { return url[strings.LastIndexByte(url, '.')+1:] }
