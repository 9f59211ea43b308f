package publish

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/tutti-mesh/tutti/filter/plan"
)

// resource is an Envoy resource as it travels. Never changed, so that all
// sidecars that get the same one share it.
type resource = discovery.Resource

// set is resources of one type by name.
type set map[string]*resource

// newResource makes the version from the content. What a restarted control
// plane must know of it stands behind the hash, after spaces.
func newResource(name string, m proto.Message, notes ...string) (*resource, error) {
	body := &anypb.Any{}
	if err := anypb.MarshalFrom(body, m, proto.MarshalOptions{Deterministic: true}); err != nil {
		return nil, err
	}
	version := strings.Join(append([]string{hash(body.GetValue())}, notes...), " ")
	return &resource{Name: name, Version: version, Resource: body}, nil
}

// notes are what newResource put behind the hash.
func notes(version string) []string {
	fields := strings.Fields(version)
	if len(fields) == 0 {
		return nil
	}
	return fields[1:]
}

// Hash is the short name of a plan in the status; empty for one without
// policies.
func Hash(p *plan.Plan) string {
	if p == nil || len(p.Policies) == 0 {
		return ""
	}
	return hash(plan.Encode(p))[:12]
}

// hash is 16 hex digits of SHA-256: among a mesh's few thousand resources two
// alike are out of the question.
func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// routeKey names a route together with the shape of its path, which the plan's
// policy of that name must agree with: the filter finds parameters by place.
func routeKey(p *plan.Policy) string {
	var b strings.Builder
	for _, s := range p.Match.Path {
		b.WriteByte('/')
		switch {
		case s.Tail:
			b.WriteString("**")
		case s.Param != "":
			b.WriteByte('*')
		default:
			b.WriteString(s.Literal)
		}
	}
	return p.Name + "~" + hash([]byte(b.String()))[:6]
}

// routeKeys are those of policies, in their order: that of precedence.
func routeKeys(policies []plan.Policy) []string {
	keys := make([]string, len(policies))
	for i := range policies {
		keys[i] = routeKey(&policies[i])
	}
	return keys
}
