// Package policy is the user's language: YAML resources of the kinds Upstream
// and Aggregation, decoded strictly, each value with the place it was written
// at. What is wrong becomes a Problem with file, line, field path, a stable
// code and a hint; all problems are found in one run.
//
// The doc comment of every field with a yaml tag is the user manual.
//
// The package resolves nothing: names of upstreams, expressions and the order
// of calls are looked at by controlplane/compile. It does no I/O.
package policy

// APIVersion is the only one there is.
const APIVersion = "tutti.dev/v1alpha1"

// MaxFileBytes bounds one file, as an API server bounds an object.
const MaxFileBytes = 1 << 20

// File is one file as it was read.
type File struct {
	// Name is the path as problems show it.
	Name string
	Data []byte
	// Err says why the file could not be read; Data is then not looked at.
	Err error
}

// Set is everything that the files define. A resource with an error is in it
// too, with Invalid set and as much as could be decoded, so that what else is
// wrong with it or with those that refer to it can be told in the same run.
type Set struct {
	Upstreams    []Upstream
	Aggregations []Aggregation
	// Broken names the files that may hold resources that could not be told:
	// unreadable, not YAML, or with a resource that has no usable name.
	Broken []string
	// Problems are those that Parse returned.
	Problems []Problem
	// sources are the files by name, for excerpts.
	sources map[string]*source
}

// Source returns the bytes of a file of the set; nil if there is none. It fits
// Renderer.Source.
func (s Set) Source(file string) []byte {
	if src := s.sources[file]; src != nil {
		return src.data
	}
	return nil
}

// Meta is what every resource has.
type Meta struct {
	// Name is unique among the resources of its kind: a DNS label, lower-case
	// letters, digits and hyphens, at most 63.
	Name Text `yaml:"name,required"`
	// Labels are for the user's own tools.
	Labels Labels `yaml:"labels"`
	// Annotations are for the user's own tools.
	Annotations Labels `yaml:"annotations"`
}

// Labels are names and strings in the order written.
type Labels []Label

// Label is one entry of labels or annotations.
type Label struct {
	Name  Text
	Value Text
}

// Head is what Parse knows of a resource beside its spec.
type Head struct {
	Meta Meta
	// Pos is where the resource begins.
	Pos Pos
	// Hash changes with every change of meaning: comments, layout and the
	// style of scalars are not part of it.
	Hash string
	// Invalid says that there is an error among the problems of the resource.
	Invalid bool
}
