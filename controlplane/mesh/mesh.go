// Package mesh holds the facts that compile and xds work from: which sidecars
// there are, what each can run, and what can be called. Values only; no I/O.
package mesh

import "time"

// MetadataKey is the key under which a sidecar describes itself in the
// metadata of its xDS node (envoy.config.core.v3.Node.metadata).
const MetadataKey = "tutti"

// Sidecar is one Envoy, as its xDS node describes it. The JSON form is the
// metadata's.
type Sidecar struct {
	// ID is the xDS node id; unique in the mesh.
	ID string `json:"-"`
	// Service is the workload it stands before: what targetRefs names.
	Service string `json:"service"`
	// Attached says that the Envoy is not Tutti's: it gets its plan by ECDS and
	// nothing else, with a matcher inside, and calls clusters it already has.
	Attached bool `json:"attached,omitempty"`
	// Edge says that requests come from outside the mesh: headers that only
	// sidecars may set are removed from them.
	Edge bool `json:"edge,omitempty"`
	// Listen and App are host:port: where the sidecar accepts requests, and
	// where its service does. Empty when Attached.
	Listen string `json:"listen,omitempty"`
	App    string `json:"app,omitempty"`
	// AppProtocol is how the service is spoken to: "http1" (default) or "http2".
	AppProtocol string `json:"app_protocol,omitempty"`
	// AccessLog says that every request is logged to Envoy's standard output.
	AccessLog bool `json:"access_log,omitempty"`
	// PlanVersions are the plan versions that its module can run.
	PlanVersions []int `json:"plan_versions"`
	// ModulePath is where the sidecar's Envoy finds the Wasm module.
	ModulePath   string `json:"module_path"`
	ModuleSHA256 string `json:"module_sha256,omitempty"`
	// SystemRoots is the file of the system's root certificates where the sidecar
	// runs. Empty: where Debian and the Envoy images have it.
	SystemRoots string `json:"system_roots,omitempty"`
	// Version is the version of the tutti binary that started it.
	Version string `json:"version,omitempty"`
}

// Workload is what a plan is compiled for: all sidecars of one sort that stand
// before one service. Comparable, so that it can be a map's key.
type Workload struct {
	// Service is what targetRefs names.
	Service string
	// Attached says that the sidecars are Envoys that are not Tutti's.
	Attached bool
}

// Workload is the one that the sidecar belongs to.
func (s Sidecar) Workload() Workload {
	return Workload{Service: s.Service, Attached: s.Attached}
}

// Upstream is something that can be called, resolved: what a cluster is made of.
type Upstream struct {
	// Name is the Upstream's metadata.name.
	Name string
	// Cluster is the Envoy cluster's name. For clusters that Tutti owns it
	// carries a hash of everything that Envoy cannot change in place, so that a
	// changed Upstream is a new cluster beside the old one and no call in
	// flight is reset. Endpoints that are addresses travel by EDS and are not
	// part of the hash.
	Cluster string
	// Foreign says that the Envoy already has Cluster: nothing is sent for it.
	Foreign        bool
	Endpoints      []Endpoint
	HTTP2          bool
	Authority      string
	TLS            *TLS
	ConnectTimeout time.Duration
	Limits         CircuitBreakers
}

// Endpoint is where an upstream listens. Host is an IP address or a DNS name;
// all of one upstream are of the same sort.
type Endpoint struct {
	Host string
	Port uint32
}

// TLS is how an upstream is verified. Empty CAFile means the system's roots.
type TLS struct {
	SNI      string
	CAFile   string
	CertFile string
	KeyFile  string
}

// CircuitBreakers are Envoy's thresholds of one cluster; zero is Envoy's
// default (1024; 3 for retries).
type CircuitBreakers struct {
	MaxConnections     uint32
	MaxPendingRequests uint32
	MaxRequests        uint32
}
