package xds

import (
	"errors"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	headermutation "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	httpwasm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	wasm "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// The types that the filter's ECDS resource may have; Envoy wants to know them
// beforehand.
const (
	wasmType           = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"
	headerMutationType = "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"
)

// Extension makes the ECDS resource: the filter with its plan. Without a policy
// it is a filter that does nothing, so that no VM is loaded for a workload
// that needs none.
func Extension(p *plan.Plan, sc mesh.Sidecar) (*core.TypedExtensionConfig, error) {
	if len(p.Policies) == 0 {
		noop := &headermutation.HeaderMutation{Mutations: &headermutation.Mutations{}}
		return &core.TypedExtensionConfig{Name: FilterName, TypedConfig: packed(noop)}, nil
	}
	if sc.ModulePath == "" {
		return nil, errors.New("module_path: missing in the node metadata; start the Envoy by `tutti sidecar` or with the stanza of `tutti attach`")
	}
	return &core.TypedExtensionConfig{Name: FilterName, TypedConfig: packed(&httpwasm.Wasm{
		Config: &wasm.PluginConfig{
			Name:   FilterName,
			RootId: FilterName,
			// All but the configuration stays the same for the life of an Envoy:
			// it keys its VMs by these, and what they share by vm_id.
			Vm: &wasm.PluginConfig_VmConfig{VmConfig: &wasm.VmConfig{
				VmId:    FilterName,
				Runtime: "envoy.wasm.runtime.v8",
				Code: &core.AsyncDataSource{Specifier: &core.AsyncDataSource_Local{Local: &core.DataSource{
					Specifier: &core.DataSource_Filename{Filename: sc.ModulePath},
				}}},
				// Pooled buffers leave the collector little to do, so that a small
				// heap costs no time and saves some 3 MB a worker.
				EnvironmentVariables: &wasm.EnvironmentVariables{KeyValues: map[string]string{"GOGC": "25"}},
			}},
			Configuration: packed(wrapperspb.String(string(plan.Encode(p)))),
			// The default, FAIL_CLOSED, would leave a worker answering 503 for ever.
			FailurePolicy: wasm.FailurePolicy_FAIL_RELOAD,
			// Without it a request's body cannot be waited for.
			AllowOnHeadersStopIteration: wrapperspb.Bool(true),
		},
	})}, nil
}

// planOf is the plan in an ECDS resource, nil if it is the filter that does
// nothing.
func planOf(ext *core.TypedExtensionConfig) (*plan.Plan, error) {
	if ext.GetTypedConfig().GetTypeUrl() != wasmType {
		return nil, nil
	}
	var w httpwasm.Wasm
	if err := ext.GetTypedConfig().UnmarshalTo(&w); err != nil {
		return nil, err
	}
	var text wrapperspb.StringValue
	if err := w.GetConfig().GetConfiguration().UnmarshalTo(&text); err != nil {
		return nil, err
	}
	return plan.Decode([]byte(text.GetValue()))
}
