package compile

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/controlplane/policy"
)

// upstream is one that calls may name. own is for Tutti's sidecars, foreign for
// attached Envoys; nil where the Upstream does not say how.
type upstream struct {
	invalid      bool
	own, foreign *mesh.Upstream
}

func (c *compiler) resolveUpstreams() {
	for i := range c.in.Policies.Upstreams {
		u := &c.in.Policies.Upstreams[i]
		name := u.Meta.Name.Value
		if c.upstreams[name] == nil {
			c.names = append(c.names, name)
		}
		if u.Invalid {
			c.upstreams[name] = &upstream{invalid: true}
			continue
		}
		c.upstreams[name] = &upstream{own: ownUpstream(u), foreign: foreignUpstream(u)}
	}
	slices.Sort(c.names)
}

func authority(u *policy.Upstream) string {
	if u.Spec.Authority.Given() {
		return u.Spec.Authority.Value
	}
	return u.Meta.Name.Value
}

func foreignUpstream(u *policy.Upstream) *mesh.Upstream {
	if !u.Spec.Cluster.Given() {
		return nil
	}
	return &mesh.Upstream{
		Name: u.Meta.Name.Value, Cluster: u.Spec.Cluster.Value, Foreign: true, Authority: authority(u),
	}
}

func ownUpstream(u *policy.Upstream) *mesh.Upstream {
	s := &u.Spec
	if len(s.Endpoints) == 0 {
		return nil
	}
	m := &mesh.Upstream{
		Name:           u.Meta.Name.Value,
		HTTP2:          s.Protocol.Value == "http2",
		Authority:      authority(u),
		ConnectTimeout: policy.DefaultConnectTimeout,
		Limits: mesh.CircuitBreakers{
			MaxConnections:     uint32(s.Limits.MaxConnections.N),
			MaxPendingRequests: uint32(s.Limits.MaxPendingRequests.N),
			MaxRequests:        uint32(s.Limits.MaxRequests.N),
		},
	}
	if s.ConnectTimeout.Given() {
		m.ConnectTimeout = s.ConnectTimeout.D
	}
	for _, e := range s.Endpoints {
		host, port, err := policy.SplitEndpoint(e.Value)
		if err != nil {
			return nil // Parse has refused it; the Upstream is invalid
		}
		m.Endpoints = append(m.Endpoints, mesh.Endpoint{Host: host, Port: port})
	}
	// The order means nothing to Envoy: sorted, moving a line pushes nothing.
	slices.SortFunc(m.Endpoints, func(a, b mesh.Endpoint) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port))
	})
	if s.TLS != nil {
		m.TLS = &mesh.TLS{
			SNI: serverName(s.TLS, m), CAFile: s.TLS.CAFile.Value,
			CertFile: s.TLS.CertFile.Value, KeyFile: s.TLS.KeyFile.Value,
		}
	}
	m.Cluster = clusterName(m)
	return m
}

// serverName is the SNI: as given, else the one DNS name of the endpoints, else
// the authority without its port.
func serverName(t *policy.TLS, m *mesh.Upstream) string {
	if t.SNI.Given() {
		return t.SNI.Value
	}
	host := m.Endpoints[0].Host
	same := func(e mesh.Endpoint) bool { return e.Host == host }
	if !policy.IsAddress(host) && !slices.ContainsFunc(m.Endpoints, func(e mesh.Endpoint) bool { return !same(e) }) {
		return host
	}
	if name, _, err := policy.SplitEndpoint(m.Authority); err == nil {
		return name
	}
	return strings.Trim(m.Authority, "[]")
}

// clusterName has a hash of all that Envoy cannot change in place; endpoints
// that are addresses travel by EDS.
func clusterName(m *mesh.Upstream) string {
	canonical := struct {
		HTTP2          bool
		Authority      string
		ConnectTimeout time.Duration
		TLS            *mesh.TLS
		Limits         mesh.CircuitBreakers
		Names          []mesh.Endpoint
	}{m.HTTP2, m.Authority, m.ConnectTimeout, m.TLS, m.Limits, nil}
	if !policy.IsAddress(m.Endpoints[0].Host) {
		canonical.Names = m.Endpoints
	}
	b, err := json.Marshal(canonical)
	if err != nil {
		panic(err) // strings, numbers and booleans always encode
	}
	sum := sha256.Sum256(b)
	return "upstream_" + m.Name + "_" + hex.EncodeToString(sum[:4])
}
