package xds

import (
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
)

// systemRoots is where Debian, Ubuntu, Alpine and the Envoy images keep the
// system's root certificates. Envoy takes a file: system_root_certs is in the
// API and not in Envoy.
const systemRoots = "/etc/ssl/certs/ca-certificates.crt"

// tlsSocket verifies the upstream by its chain and by its name: a chain alone
// would accept every certificate that the root ever signed.
func tlsSocket(u *mesh.Upstream, roots string) *core.TransportSocket {
	name, ca := u.TLS.SNI, u.TLS.CAFile
	if ca == "" {
		ca = roots
	}
	if ca == "" {
		ca = systemRoots
	}
	if name == "" {
		name = u.Authority
	}
	common := &tls.CommonTlsContext{
		AlpnProtocols: []string{"http/1.1"},
		ValidationContextType: &tls.CommonTlsContext_ValidationContext{
			ValidationContext: validation(name, ca),
		},
	}
	if u.HTTP2 {
		common.AlpnProtocols = []string{"h2"}
	}
	if u.TLS.CertFile != "" {
		common.TlsCertificates = []*tls.TlsCertificate{{
			CertificateChain: file(u.TLS.CertFile),
			PrivateKey:       file(u.TLS.KeyFile),
		}}
	}
	ctx := &tls.UpstreamTlsContext{CommonTlsContext: common}
	if !isIP(name) {
		// RFC 6066 section 3: no addresses in SNI.
		ctx.Sni = name
	}
	return &core.TransportSocket{
		Name:       "envoy.transport_sockets.tls",
		ConfigType: &core.TransportSocket_TypedConfig{TypedConfig: packed(ctx)},
	}
}

func validation(name, caFile string) *tls.CertificateValidationContext {
	san := tls.SubjectAltNameMatcher_DNS
	if isIP(name) {
		san = tls.SubjectAltNameMatcher_IP_ADDRESS
	}
	return &tls.CertificateValidationContext{
		TrustedCa: file(caFile),
		MatchTypedSubjectAltNames: []*tls.SubjectAltNameMatcher{{
			SanType: san,
			Matcher: &matcher.StringMatcher{MatchPattern: &matcher.StringMatcher_Exact{Exact: name}},
		}},
	}
}

func file(name string) *core.DataSource {
	return &core.DataSource{Specifier: &core.DataSource_Filename{Filename: name}}
}
