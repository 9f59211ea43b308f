// Package envoy owns an Envoy process on behalf of a sidecar, and knows what
// an Envoy of somebody else's needs in order to run the filter.
//
//	Find ──> Binary          a flag, $TUTTI_ENVOY, PATH, the cache, else obtained
//	StageModule ──> Module   the Wasm module as a file that Envoy reads
//	Bootstrap ──> JSON       node, control plane, admin, stats tags; nothing else:
//	                         listeners, routes and clusters come by xDS
//	Start ──> Process        Envoy as a child; WaitReady, Drain, Stop
//
//	Attachment.Render ──> YAML to paste into an Envoy that is already there
//	Check(admin URL)  ──> what is in place, what is not, and how to fix it
//
// The package starts processes, reads and writes files and speaks to Envoy's
// admin interface. What Envoy is told is decided in controlplane/xds.
package envoy

// Names that the control plane's resources, the bootstrap and the attach
// stanza have to agree on.
const (
	// FilterName is the HTTP filter's name and the name of its ECDS resource.
	FilterName = "tutti"
	// XDSCluster is the cluster of the control plane.
	XDSCluster = "tutti_xds"
)
