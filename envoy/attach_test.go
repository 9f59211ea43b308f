package envoy

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func attachment() Attachment {
	return Attachment{
		Envoy: Version{1, 40, 0, ""}, Service: "checkout",
		XDS:        XDS{Address: "tutti.example:18000", CAFile: "/etc/tutti/ca.pem", CertFile: "/etc/tutti/cert.pem", KeyFile: "/etc/tutti/key.pem"},
		ModulePath: "/etc/envoy/tutti.wasm", ModuleSHA256: "0123456789ab", PlanVersions: []int{1, 2}, TuttiVersion: "v0.1.0",
	}
}

func TestAttachment(t *testing.T) {
	a := attachment()
	got, err := a.Render()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "attach-mtls.yaml", got)
	a.XDS = XDS{Address: "127.0.0.1:18000"}
	a.Envoy = Version{1, 36, 4, ""}
	if got, err = a.Render(); err != nil {
		t.Fatal(err)
	}
	golden(t, "attach-plain.yaml", got)
}

func TestAttachmentRefuses(t *testing.T) {
	for want, change := range map[string]func(*Attachment){
		"older than 1.36":    func(a *Attachment) { a.Envoy = Version{1, 35, 0, ""} },
		"a service":          func(a *Attachment) { a.Service = "" },
		"is not host:port":   func(a *Attachment) { a.XDS.Address = "tutti.example" },
		"its key":            func(a *Attachment) { a.XDS.KeyFile = "" },
		"path of the module": func(a *Attachment) { a.ModulePath = "" },
	} {
		a := attachment()
		change(&a)
		if _, err := a.Render(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

// What is printed, pasted where its comments say, is a configuration that the
// Envoy of that version accepts.
func TestEnvoyAcceptsAttachment(t *testing.T) {
	for _, version := range supported {
		for _, xds := range []XDS{{Address: "127.0.0.1:18000"}, attachment().XDS} {
			t.Run(version+"/"+xds.Address, func(t *testing.T) {
				a := attachment()
				a.XDS = xds
				validate(t, version, strings.ReplaceAll(paste(t, a, "80"), "/etc/tutti", certificates(t)))
			})
		}
	}
}

// paste puts the parts into plainEnvoy, as a user does.
func paste(t *testing.T, a Attachment, appPort string) string {
	t.Helper()
	text, err := a.Render()
	if err != nil {
		t.Fatal(err)
	}
	var parts struct {
		Node     any   `yaml:"node"`
		Clusters []any `yaml:"clusters"`
		Filters  []any `yaml:"http_filters"`
		Stats    any   `yaml:"stats_config"`
		Memory   any   `yaml:"memory_allocator_manager"`
	}
	d := yaml.NewDecoder(strings.NewReader(string(text)))
	d.KnownFields(true)
	if err := d.Decode(&parts); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var whole map[string]any
	if err := yaml.Unmarshal([]byte(strings.NewReplacer("%s\n", "\n", "port_value: %s", "port_value: "+appPort).Replace(plainEnvoy)), &whole); err != nil {
		t.Fatal(err)
	}
	whole["node"], whole["stats_config"], whole["memory_allocator_manager"] = parts.Node, parts.Stats, parts.Memory
	static := whole["static_resources"].(map[string]any)
	static["clusters"] = append(static["clusters"].([]any), parts.Clusters...)
	listener := static["listeners"].([]any)[0].(map[string]any)
	chain := listener["filter_chains"].([]any)[0].(map[string]any)
	hcm := chain["filters"].([]any)[0].(map[string]any)["typed_config"].(map[string]any)
	hcm["http_filters"] = append(parts.Filters, hcm["http_filters"].([]any)...)
	out, err := yaml.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
