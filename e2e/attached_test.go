package e2e

import (
	"fmt"
	"os"
	"reflect"
	"testing"

	"go.yaml.in/yaml/v3"
)

// attachedModule is where the attached Envoy of docker-compose.yaml finds the
// module.
const attachedModule = "/etc/envoy/tutti.wasm"

// TestAttachedIsWhatAttachPrints holds attached/envoy.yaml to what a user is
// told to paste.
func TestAttachedIsWhatAttachPrints(t *testing.T) {
	printed := command(t, build(t).tutti, "attach", "--service", gateway, "--xds", "control-plane:18000")
	text, err := os.ReadFile("attached/envoy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var want, have any
	if err := yaml.Unmarshal([]byte(printed), &want); err != nil {
		t.Fatalf("tutti attach prints no YAML: %v\n%s", err, printed)
	}
	if err := yaml.Unmarshal(text, &have); err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct {
		name       string
		want, have any
	}{
		{"node", withoutBuild(at(want, "node")), at(have, "node")},
		{"clusters", at(want, "clusters", 0), last(at(have, "static_resources", "clusters"))},
		{"http_filters", at(want, "http_filters", 0), at(have, "static_resources", "listeners", 0,
			"filter_chains", 0, "filters", 0, "typed_config", "http_filters", 0)},
		{"stats_config", at(want, "stats_config"), at(have, "stats_config")},
		{"memory_allocator_manager", at(want, "memory_allocator_manager"), at(have, "memory_allocator_manager")},
	} {
		if part.want == nil || !reflect.DeepEqual(part.want, part.have) {
			t.Errorf("%s: attached/envoy.yaml has\n%s\ntutti attach prints\n%s", part.name, show(part.have), show(part.want))
		}
	}
}

// withoutBuild takes out what changes with every build of the binary.
func withoutBuild(node any) any {
	if tutti, ok := at(node, "metadata", "tutti").(map[string]any); ok {
		delete(tutti, "version")
		delete(tutti, "module_sha256")
	}
	return node
}

// at walks down by keys and indices; nil if there is nothing.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

func last(v any) any {
	list, _ := v.([]any)
	return at(v, max(0, len(list)-1))
}

func show(v any) string {
	text, err := yaml.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
