package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"reflect"

	"go.yaml.in/yaml/v3"
)

// document is what every resource looks like.
type document struct {
	APIVersion Text      `yaml:"apiVersion,required"`
	Kind       Text      `yaml:"kind,required"`
	Metadata   Meta      `yaml:"metadata,required"`
	Spec       yaml.Node `yaml:"spec,required"`
}

// resource decodes one document. Empty documents are fine.
func (p *parser) resource(d *decoder, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && n.Value == "" {
		return
	}
	// The name is looked for first, so that every problem can carry it.
	d.kind, d.name = peek(n, "kind"), peek(peekNode(n, "metadata"), "name")
	var doc document
	d.object(reflect.ValueOf(&doc).Elem(), n, "")
	if doc.APIVersion.Given() && doc.APIVersion.Value != APIVersion {
		d.report(doc.APIVersion.Loc, "unknown-api-version",
			"unknown apiVersion "+quote(doc.APIVersion.Value), "want "+APIVersion)
	}
	named := doc.Metadata.Name.Given() && d.resourceName(doc.Metadata.Name)
	head := Head{Meta: doc.Metadata, Pos: d.pos(n), Hash: hashNode(n)}
	switch {
	case !named:
		d.name = ""
	case doc.Kind.Value == KindUpstream:
		u := Upstream{Head: head}
		d.spec(&doc, &u.Spec)
		d.checkUpstream(&u)
		u.Invalid = d.failed()
		p.set.Upstreams = append(p.set.Upstreams, u)
		return
	case doc.Kind.Value == KindAggregation:
		a := Aggregation{Head: head}
		d.spec(&doc, &a.Spec)
		d.checkAggregation(&a)
		a.Invalid = d.failed()
		p.set.Aggregations = append(p.set.Aggregations, a)
		return
	}
	if doc.Kind.Given() {
		kinds := []string{KindUpstream, KindAggregation}
		switch doc.Kind.Value {
		case KindUpstream:
			d.spec(&doc, &UpstreamSpec{})
		case KindAggregation:
			d.spec(&doc, &AggregationSpec{})
		default:
			hint := DidYouMean(doc.Kind.Value, kinds)
			if hint == "" {
				hint = "want Upstream or Aggregation"
			}
			d.report(doc.Kind.Loc, "unknown-kind", "unknown kind "+quote(doc.Kind.Value), hint)
		}
	}
	p.set.Broken = append(p.set.Broken, d.file)
}

// spec decodes the spec into the struct that into points to.
func (d *decoder) spec(doc *document, into any) {
	if doc.Spec.Kind != 0 {
		d.into(reflect.ValueOf(into).Elem(), &doc.Spec, "spec", "")
	}
}

func peekNode(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func peek(n *yaml.Node, key string) string {
	if v := peekNode(n, key); v != nil && v.Kind == yaml.ScalarNode {
		return v.Value
	}
	return ""
}

// hashNode is a hash of what a document says: kinds, tags and values in order.
func hashNode(n *yaml.Node) string {
	h := sha256.New()
	writeNode(h, n)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

func writeNode(h hash.Hash, n *yaml.Node) {
	var size [8]byte
	part := func(s string) {
		binary.BigEndian.PutUint64(size[:], uint64(len(s)))
		h.Write(size[:])
		h.Write([]byte(s))
	}
	h.Write([]byte{byte(n.Kind)})
	part(n.ShortTag())
	part(n.Value)
	binary.BigEndian.PutUint64(size[:], uint64(len(n.Content)))
	h.Write(size[:])
	for _, c := range n.Content {
		writeNode(h, c)
	}
}
