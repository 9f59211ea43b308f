package publish

import "time"

// State is how far a sidecar is, in one word.
type State string

// The states, in the words of istioctl proxy-status where it has them.
const (
	// Synced: the sidecar has acknowledged all that it should have.
	Synced State = "SYNCED"
	// Syncing: something is on its way, not longer than the bound.
	Syncing State = "SYNCING"
	// Stale: something has been on its way for longer than the bound.
	Stale State = "STALE"
	// Errored: the sidecar has refused something, or there is something that
	// cannot be given to it. It keeps what it had; see SidecarStatus.Error.
	Errored State = "ERROR"
	// NotConnected: the sidecar was here and is gone. It serves what it had.
	NotConnected State = "NOT CONNECTED"
)

// States are all states, for metrics that show zeros too.
func States() []State { return []State{Synced, Syncing, Stale, Errored, NotConnected} }

// SidecarStatus is what is known of one sidecar.
type SidecarStatus struct {
	// ID is the xDS node id.
	ID       string `json:"id"`
	Service  string `json:"service"`
	Attached bool   `json:"attached"`
	Edge     bool   `json:"edge"`
	State    State  `json:"state"`
	// Since is when the sidecar came into State.
	Since time.Time `json:"since"`
	// WantedPlan and AckedPlan are short hashes of plans (Hash); empty for none.
	WantedPlan string `json:"wanted_plan"`
	AckedPlan  string `json:"acked_plan"`
	// Phase is what the sidecar is waited for to acknowledge; empty if nothing.
	Phase string `json:"phase,omitempty"`
	// Error is the last error: what the sidecar refused and why, or why
	// something is withheld from it. Empty once it has what it should have.
	Error   string     `json:"error,omitempty"`
	ErrorAt *time.Time `json:"error_at,omitempty"`
	// ConnectedSince is when its stream began, nil if it has none;
	// DisconnectedAt when the last one ended.
	ConnectedSince *time.Time `json:"connected_since,omitempty"`
	DisconnectedAt *time.Time `json:"disconnected_at,omitempty"`
	// EnvoyVersion is like 1.40.0; TuttiVersion is that of the binary that
	// started the sidecar; PlanVersions are what its module runs.
	EnvoyVersion string `json:"envoy_version,omitempty"`
	TuttiVersion string `json:"tutti_version,omitempty"`
	PlanVersions []int  `json:"plan_versions,omitempty"`
}
