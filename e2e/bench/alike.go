package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// checkAlike makes sure that a sidecar and a plain Envoy differ by the filter
// alone, by what both say they run: else a ratio would show something else.
func (b *bench) checkAlike(sidecar, plain *proxy) error {
	theirs, err1 := b.connectionManager(sidecar, "inbound")
	ours, err2 := b.connectionManager(plain, "plain")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if !reflect.DeepEqual(theirs, ours) {
		t, _ := json.Marshal(theirs)
		o, _ := json.Marshal(ours)
		return fmt.Errorf("envoy.yaml.tmpl no longer has the listener of `tutti sidecar`; make it so:\nsidecar: %s\nplain:   %s", t, o)
	}
	return nil
}

// connectionManager is that of a listener, in the form of Envoy's config_dump,
// less what has to differ: names, routes and the filter.
func (b *bench) connectionManager(p *proxy, listener string) (map[string]any, error) {
	body, err := get(b.farm.ctx, p.admin+"/config_dump")
	if err != nil {
		return nil, err
	}
	var dump any
	if err := json.Unmarshal(body, &dump); err != nil {
		return nil, fmt.Errorf("config_dump: %w", err)
	}
	found := findObject(dump, func(o map[string]any) bool { return o["name"] == listener && o["filter_chains"] != nil })
	manager := findObject(found, func(o map[string]any) bool { return o["http_filters"] != nil })
	if manager == nil {
		return nil, fmt.Errorf("%s: no connection manager in the listener %q", p.child.name, listener)
	}
	for _, name := range []string{"stat_prefix", "rds", "route_config"} {
		delete(manager, name)
	}
	filters, _ := manager["http_filters"].([]any)
	manager["http_filters"] = slices.DeleteFunc(filters, func(f any) bool {
		filter, _ := f.(map[string]any)
		return filter["name"] == "tutti"
	})
	manager["buffer_limit"] = found["per_connection_buffer_limit_bytes"]
	return manager, nil
}

// findObject is the first object inside v that is wanted, nil if there is none.
func findObject(v any, wanted func(map[string]any) bool) map[string]any {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if o := findObject(e, wanted); o != nil {
				return o
			}
		}
	case map[string]any:
		if wanted(v) {
			return v
		}
		for _, e := range v {
			if o := findObject(e, wanted); o != nil {
				return o
			}
		}
	}
	return nil
}
