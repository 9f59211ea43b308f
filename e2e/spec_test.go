package e2e

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Spec is one file of specs/; the package comment has the vocabulary.
type Spec struct {
	Name     string            `yaml:"-"`
	About    string            `yaml:"about"`
	Env      string            `yaml:"env"`
	Policies map[string]string `yaml:"policies"`
	Steps    []Step            `yaml:"steps"`
}

// Step has exactly one of its fields set.
type Step struct {
	Line int `yaml:"-"`

	Apply   map[string]string            `yaml:"apply"`
	Edit    map[string]map[string]string `yaml:"edit"`
	Remove  []string                     `yaml:"remove"`
	Fault   map[string]map[string]any    `yaml:"fault"`
	Heal    []string                     `yaml:"heal"`
	Request *Request                     `yaml:"request"`
	Begin   map[string]*Request          `yaml:"begin"`
	Finish  map[string]*Expect           `yaml:"finish"`
	Leave   string                       `yaml:"leave"`
	Load    *Request                     `yaml:"load"`
	Loaded  int                          `yaml:"loaded"`
	EndLoad bool                         `yaml:"endload"`
	Seen    map[string]any               `yaml:"seen"`
	Metrics map[string]map[string]int    `yaml:"metrics"`
	Status  any                          `yaml:"status"`
	Stop    string                       `yaml:"stop"`
	Stopped string                       `yaml:"stopped"`
	Kill    string                       `yaml:"kill"`
	Start   string                       `yaml:"start"`
	Tutti   *Command                     `yaml:"tutti"`
}

// Request is what a client sends, and what it must get.
type Request struct {
	To          string            `yaml:"to"`
	Method      string            `yaml:"method"`
	Path        string            `yaml:"path"`
	Headers     map[string]string `yaml:"headers"`
	Body        string            `yaml:"body"`
	JSON        any               `yaml:"json"`
	Trailers    map[string]string `yaml:"trailers"`
	H2          bool              `yaml:"h2"`
	Repeat      int               `yaml:"repeat"`
	Concurrency int               `yaml:"concurrency"`
	Eventually  bool              `yaml:"eventually"`
	Expect      Expect            `yaml:"expect"`
}

// Command is a run of the tutti binary on the host.
type Command struct {
	Args     []string `yaml:"args"`
	Exit     int      `yaml:"exit"`
	Contains []string `yaml:"contains"`
}

// name says which field of a step is set; an error if it is not exactly one.
func (s *Step) name() (string, error) {
	var set []string
	v := reflect.ValueOf(*s)
	for i := range v.NumField() {
		if field := v.Type().Field(i); field.Name != "Line" && !v.Field(i).IsZero() {
			set = append(set, field.Tag.Get("yaml"))
		}
	}
	if len(set) != 1 {
		return "", fmt.Errorf("a step has one action, this one has %v", set)
	}
	return set[0], nil
}

// UnmarshalYAML keeps the line, for messages.
func (s *Step) UnmarshalYAML(node *yaml.Node) error {
	type plain Step
	var buf bytes.Buffer
	if err := yaml.NewEncoder(&buf).Encode(resolved(node)); err != nil {
		return err
	}
	// Decoding a node is lenient; decoding its text can be strict.
	dec := yaml.NewDecoder(&buf)
	dec.KnownFields(true)
	if err := dec.Decode((*plain)(s)); err != nil {
		return fmt.Errorf("step at line %d: %w", node.Line, err)
	}
	s.Line = node.Line
	if _, err := s.name(); err != nil {
		return fmt.Errorf("step at line %d: %w", node.Line, err)
	}
	return nil
}

// resolved copies a node with what its aliases stand for in their place, so
// that it can be written without the rest of its document.
func resolved(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	whole := yaml.Node{Kind: node.Kind, Tag: node.Tag, Value: node.Value}
	if node.Kind == yaml.ScalarNode {
		whole.Style = node.Style
	}
	for _, child := range node.Content {
		whole.Content = append(whole.Content, resolved(child))
	}
	return &whole
}

// readSpecs reads specs/*.yaml, in the order of their names.
func readSpecs() ([]Spec, error) {
	paths, err := filepath.Glob("specs/*.yaml")
	if err != nil {
		return nil, err
	}
	var specs []Spec
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		spec, err := readSpec(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		spec.Name = strings.TrimSuffix(filepath.Base(path), ".yaml")
		specs = append(specs, spec)
	}
	if len(specs) == 0 {
		return nil, fmt.Errorf("no specs/*.yaml")
	}
	return specs, nil
}

func readSpec(text []byte) (Spec, error) {
	var spec Spec
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&spec); err != nil {
		return Spec{}, err
	}
	if err := dec.Decode(&struct{}{}); err != io.EOF {
		return Spec{}, fmt.Errorf("more than one document")
	}
	switch spec.Env {
	case "", "process", "compose":
	default:
		return Spec{}, fmt.Errorf("env: %q is neither process nor compose", spec.Env)
	}
	if spec.About == "" || len(spec.Steps) == 0 {
		return Spec{}, fmt.Errorf("about and steps are needed")
	}
	return spec, nil
}

// policyText resolves "@path".
func policyText(text string) (string, error) {
	path, isPath := strings.CutPrefix(text, "@")
	if !isPath {
		return text, nil
	}
	b, err := os.ReadFile(filepath.FromSlash(path))
	return string(b), err
}
