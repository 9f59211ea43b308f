package controlplane

import (
	"log/slog"
	"time"

	"github.com/tutti-mesh/tutti/controlplane/publish"
)

// Config is all that Run takes. Zero values are the defaults that are named.
type Config struct {
	// PoliciesDir is the directory whose *.yaml and *.yml files are the policies.
	PoliciesDir string
	// StateDir is where the last good versions of policies are kept, so that a
	// restart beside a broken policy does not lose them. Empty: in memory only.
	StateDir string
	// XDSAddr is host:port where sidecars connect (gRPC). Default
	// DefaultXDSAddr. Anything but loopback needs TLS or Insecure.
	XDSAddr string
	// HTTPAddr is host:port of /healthz, /readyz, /metrics and /v1/status.
	// Default DefaultHTTPAddr. It is clear text, so that anything but loopback
	// needs Insecure.
	HTTPAddr string
	// TLS is used for XDSAddr, if CertFile is set.
	TLS TLSFiles
	// Insecure allows clear text on addresses that are not loopback.
	Insecure bool
	// Version is shown in the status.
	Version string
	// Logger gets what happens. Default: slog.Default.
	Logger *slog.Logger
	// Ready is called once, when both addresses are listening and the policies
	// have been read the first time, by a goroutine that waits for it.
	Ready func(Addrs)
	// Debounce and Poll are the watch's; see watch.Options.
	Debounce time.Duration
	Poll     time.Duration
}

// The addresses if none are given. Envoy's control planes use 18000 by custom.
const (
	DefaultXDSAddr  = "127.0.0.1:18000"
	DefaultHTTPAddr = "127.0.0.1:18001"
)

// TLSFiles are PEM files. With ClientCAFile only sidecars that it vouches for
// are served.
type TLSFiles struct {
	CertFile     string
	KeyFile      string
	ClientCAFile string
}

// Addrs are where Run listens, with the ports that the system chose.
type Addrs struct {
	XDS  string
	HTTP string
}

// Status is what /v1/status answers, as JSON.
type Status struct {
	Version string `json:"version,omitempty"`
	// Sidecars are sorted by service, then id.
	Sidecars []publish.SidecarStatus `json:"sidecars"`
	// Policies are sorted by name.
	Policies []PolicyStatus `json:"policies"`
	// Problems are those of the last reading, sorted by place.
	Problems []ProblemStatus `json:"problems"`
}

// PolicyStatus is the condition of one policy; see compile.Condition.
type PolicyStatus struct {
	Kind         string `json:"kind"`
	Name         string `json:"name"`
	File         string `json:"file"`
	Type         string `json:"type"`
	Status       bool   `json:"status"`
	Reason       string `json:"reason"`
	Message      string `json:"message,omitempty"`
	ObservedHash string `json:"observed_hash,omitempty"`
	ServingHash  string `json:"serving_hash,omitempty"`
}

// ProblemStatus is a policy.Problem.
type ProblemStatus struct {
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
	Col      int    `json:"col,omitempty"`
	Path     string `json:"path,omitempty"`
	Code     string `json:"code"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
	Severity string `json:"severity"`
	Kind     string `json:"kind,omitempty"`
	Name     string `json:"name,omitempty"`
}
