package envoy

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"text/template"
)

// Attachment is what an Envoy that is not Tutti's needs to run policies.
type Attachment struct {
	// Envoy is the version of that Envoy.
	Envoy Version
	// Service is the workload, as targetRefs name it; ID its xDS node id.
	Service, ID string
	XDS         XDS
	// ModulePath is where that Envoy finds the Wasm module.
	ModulePath   string
	ModuleSHA256 string
	// PlanVersions are the plan versions that the module runs.
	PlanVersions []int
	TuttiVersion string
}

//go:embed attach.yaml.tmpl
var attachText string

// The template writes values as JSON, which is YAML and needs no quoting rules.
var attachTemplate = template.Must(template.New("attach").Funcs(template.FuncMap{
	"yaml": func(v any) (string, error) {
		raw, err := json.Marshal(v)
		return string(raw), err
	},
}).Parse(attachText))

// Render writes the parts to paste, as one YAML document with comments.
func (a Attachment) Render() ([]byte, error) {
	if a.Service == "" || a.ModulePath == "" {
		return nil, errors.New("attach: a service and the path of the module are needed")
	}
	if err := a.Envoy.Supported(); err != nil {
		return nil, fmt.Errorf("attach: %w", err)
	}
	if _, err := xdsCluster(a.XDS); err != nil { // the same rules as for a sidecar
		return nil, fmt.Errorf("attach: %w", err)
	}
	host, port, err := net.SplitHostPort(a.XDS.Address)
	if err != nil {
		return nil, fmt.Errorf("attach: control plane: %w", err)
	}
	if a.ID == "" {
		a.ID = a.Service + "-1"
	}
	sni := host
	if net.ParseIP(host) != nil {
		sni = ""
	}
	type tag struct{ Tag, Pattern string }
	var tags []tag
	for _, t := range statTags {
		tags = append(tags, tag{t.tag, t.pattern})
	}
	var out bytes.Buffer
	err = attachTemplate.Execute(&out, struct {
		Attachment
		Host, Port, SNI    string
		StatTags           []tag
		MemoryRelease      int
		MemoryReleaseEvery string
	}{a, host, port, sni, tags, memoryRelease, memoryReleaseEvery.String()})
	if err != nil {
		return nil, fmt.Errorf("attach: %w", err)
	}
	return out.Bytes(), nil
}
