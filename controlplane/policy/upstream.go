package policy

// Upstream is something that can be called.
type Upstream struct {
	Head
	Spec UpstreamSpec
}

// UpstreamSpec is the spec of kind Upstream.
type UpstreamSpec struct {
	Loc
	// Endpoints are where the upstream listens, as "host:port", an IPv6 address
	// in brackets. Either all are IP addresses or all are DNS names. Used by the
	// sidecars that Tutti runs.
	Endpoints []Text `yaml:"endpoints"`
	// Cluster is the name of the cluster that an attached Envoy already has for
	// this upstream. At least one of endpoints and cluster is required.
	Cluster Text `yaml:"cluster"`
	// Protocol is spoken to the endpoints: http1 or http2. Default: http1.
	Protocol Text `yaml:"protocol" enum:"http1,http2"`
	// TLS is used to the endpoints if it is there; `tls: {}` takes the system's
	// root certificates. Default: clear text.
	TLS *TLS `yaml:"tls"`
	// Authority is the :authority (Host) of the calls. Default: the name.
	Authority Text `yaml:"authority"`
	// ConnectTimeout bounds the set-up of a connection, at most 30s. Default: 1s.
	ConnectTimeout Duration `yaml:"connectTimeout" max:"30s"`
	// Limits are Envoy's circuit breakers of the cluster.
	Limits UpstreamLimits `yaml:"limits"`
}

// TLS says how an upstream is verified. Files are paths in the sidecar's file
// system.
type TLS struct {
	Loc
	// SNI is the name asked for and verified. Default: the endpoints' DNS name
	// if there is one, else the authority without its port.
	SNI Text `yaml:"sni"`
	// CAFile holds the root certificates. Default: the system's.
	CAFile Text `yaml:"caFile"`
	// CertFile and KeyFile are the client's certificate; both or none.
	CertFile Text `yaml:"certFile"`
	// KeyFile is the private key of certFile.
	KeyFile Text `yaml:"keyFile"`
}

// UpstreamLimits are circuit breakers, counted per sidecar.
type UpstreamLimits struct {
	Loc
	// MaxConnections bounds the connections. Default: 1024.
	MaxConnections Int `yaml:"maxConnections" min:"1" max:"4294967295"`
	// MaxPendingRequests bounds the requests that wait for a connection.
	// Default: 1024.
	MaxPendingRequests Int `yaml:"maxPendingRequests" min:"1" max:"4294967295"`
	// MaxRequests bounds the requests in flight. Default: 1024.
	MaxRequests Int `yaml:"maxRequests" min:"1" max:"4294967295"`
}
