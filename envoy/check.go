package envoy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tutti-mesh/tutti/filter/plan"
)

// Level says how bad a finding is.
type Level string

// A Failed finding keeps policies from running; a Warned one is worth a look.
const (
	OK     Level = "ok"
	Warned Level = "warning"
	Failed Level = "error"
)

// Finding is the answer to one question about an Envoy.
type Finding struct {
	// Check names the question: version, node, cluster, filter, connection,
	// plan, upstreams.
	Check   string `json:"check"`
	Level   Level  `json:"level"`
	Message string `json:"message"`
	// Fix says what to do, unless Level is OK.
	Fix string `json:"fix,omitempty"`
}

// Report is what Check found.
type Report struct {
	Envoy    string    `json:"envoy"`
	Service  string    `json:"service,omitempty"`
	Plan     *RunsPlan `json:"plan,omitempty"`
	Findings []Finding `json:"findings"`
}

// RunsPlan is the plan that the Envoy has.
type RunsPlan struct {
	// Hash is the short hash that `tutti status` shows too.
	Hash string `json:"hash"`
	// Policies are the names, in order of precedence.
	Policies []string `json:"policies"`
	// Clusters are those that the policies call, sorted.
	Clusters []string `json:"clusters"`
}

// OK says that nothing keeps policies from running.
func (r Report) OK() bool {
	return !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Level == Failed })
}

// Check asks an Envoy that the stanza of Render was pasted into.
func Check(ctx context.Context, a Admin) (Report, error) {
	f, err := ReadFacts(ctx, a)
	if err != nil {
		return Report{}, err
	}
	return Examine(f), nil
}

// PlanHash is the short name of a plan in status and reports.
func PlanHash(text string) string { return Hash([]byte(text))[:12] }

// Examine judges what was read, in the order in which one thing needs another.
func Examine(f Facts) Report {
	r := Report{Findings: []Finding{}}
	if f.Self != nil {
		r.Service = f.Self.Service
	}
	r.version(f)
	r.node(f)
	r.cluster(f)
	r.filter(f)
	r.connection(f)
	r.plan(f)
	return r
}

func (r *Report) ok(check, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{Check: check, Level: OK, Message: fmt.Sprintf(format, args...)})
}

func (r *Report) add(check string, level Level, fix, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{Check: check, Level: level, Message: fmt.Sprintf(format, args...), Fix: fix})
}

func (r *Report) version(f Facts) {
	v, err := parseBuild(f.Build)
	if err != nil {
		r.Envoy = f.Build
		r.add("version", Warned, "make sure that it is 1.36 or later", "cannot tell its version: %v", err)
		return
	}
	r.Envoy = v.String()
	if err := v.Supported(); err != nil {
		r.add("version", Failed, "run Envoy "+DefaultVersion, "%v", err)
		return
	}
	r.ok("version", "Envoy %s", v)
}

func (r *Report) node(f Facts) {
	const fix = "paste part 1 of `tutti attach` into node.metadata and restart it"
	sc := f.Self
	switch {
	case sc == nil:
		r.add("node", Failed, fix, "node.metadata has no `tutti`: the control plane does not know what this Envoy is")
	case !sc.Attached && slices.ContainsFunc(f.Chains, func(c Chain) bool { return c.Source == "ads" }):
		r.ok("node", "%s is a sidecar of Tutti's for %s; `tutti status` shows it too", f.NodeID, sc.Service)
	case !sc.Attached:
		r.add("node", Failed, fix, "node.metadata.tutti has no `attached: true`: the control plane would send it a whole configuration")
	case sc.Service == "" || sc.ModulePath == "" || len(sc.PlanVersions) == 0:
		r.add("node", Failed, fix, "node.metadata.tutti is incomplete: service, module_path and plan_versions are needed")
	case f.NodeID == "":
		r.add("node", Failed, "set node.id, unique in the mesh", "the node has no id")
	default:
		r.ok("node", "%s stands before %s, module %s", f.NodeID, sc.Service, sc.ModulePath)
	}
}

func (r *Report) cluster(f Facts) {
	http2, there := f.Clusters[XDSCluster]
	switch {
	case !there:
		r.add("cluster", Failed, "paste part 2 of `tutti attach` into static_resources.clusters", "no cluster %s", XDSCluster)
	case !http2:
		r.add("cluster", Failed, "copy typed_extension_protocol_options from part 2 of `tutti attach`", "the cluster %s does not speak HTTP/2, which gRPC needs", XDSCluster)
	default:
		r.ok("cluster", "%s is there and speaks HTTP/2", XDSCluster)
	}
}

// guards are Envoy's filters that decide whether a request may go on. Tutti
// answers in its place in the chain, so that one behind it would not be asked.
var guards = []string{
	"envoy.filters.http.jwt_authn", "envoy.filters.http.ext_authz", "envoy.filters.http.rbac",
	"envoy.filters.http.oauth2", "envoy.filters.http.basic_auth", "envoy.filters.http.api_key_auth",
	"envoy.filters.http.csrf", "envoy.filters.http.ratelimit", "envoy.filters.http.local_ratelimit",
}

func (r *Report) filter(f Facts) {
	found := false
	for _, c := range f.Chains {
		at := slices.Index(c.Filters, FilterName)
		if at < 0 {
			continue
		}
		found = true
		r.chain(f, c, at)
	}
	if !found {
		r.add("filter", Failed, "paste part 3 of `tutti attach` into http_filters, before the router",
			"none of the %d HTTP connection managers has a filter named %s", len(f.Chains), FilterName)
	}
}

func (r *Report) chain(f Facts, c Chain, at int) {
	const fix = "paste part 3 of `tutti attach` as it is"
	before, after := c.Filters[:at], c.Filters[at+1:]
	if !c.Discovered {
		r.add("filter", Failed, fix, "listener %s: the filter %s has no config_discovery, so that no policy reaches it", c.Listener, FilterName)
		return
	}
	if _, known := f.Clusters[c.Source]; c.Source != "ads" && !known {
		r.add("filter", Failed, fix, "listener %s: config_discovery asks the cluster %q, which is not there", c.Listener, c.Source)
		return
	}
	if c.Disabled && f.Self != nil && f.Self.Attached {
		r.add("filter", Failed, "remove `disabled: true`", "listener %s: the filter %s is disabled", c.Listener, FilterName)
		return
	}
	if len(after) == 0 {
		r.add("filter", Failed, "move it before the router", "listener %s: the filter %s is behind the router: no request gets there", c.Listener, FilterName)
		return
	}
	var late []string
	for _, name := range after {
		if slices.Contains(guards, name) {
			late = append(late, name)
		}
	}
	if len(late) > 0 {
		r.add("filter", Warned, "move the filter behind them", "listener %s: what Tutti answers does not pass %s", c.Listener, strings.Join(late, ", "))
		return
	}
	where := "first"
	if len(before) > 0 {
		where = "after " + strings.Join(before, ", ")
	}
	r.ok("filter", "listener %s: in place, %s, before %s", c.Listener, where, after[0])
}

func (r *Report) connection(f Facts) {
	if f.Connected {
		r.ok("connection", "connected to the control plane")
		return
	}
	r.add("connection", Failed,
		"start `tutti serve`, and compare the address and TLS of the cluster "+XDSCluster+" with its --xds-addr and --tls-cert",
		"no stream to the control plane: Envoy keeps the policies it has")
}

func (r *Report) plan(f Facts) {
	switch p := f.Plugin; {
	case f.Refused:
		r.add("plan", Failed, "`tutti status` and Envoy's log say why; the first thing to look at is the module, "+orNothing(p.ModulePath)+
			": there, readable for Envoy, and of this version of tutti (`tutti attach --module-out FILE`)",
			"Envoy refused the last plan, %s, and keeps what it had", PlanHash(p.Plan))
	case p == nil:
		r.add("plan", Failed, "when the connection stands, see `tutti status`", "no configuration has come for the filter yet: it does nothing")
	case p.Type != "Wasm":
		r.ok("plan", "no policy targets %s: the filter does nothing", r.Service)
	default:
		r.running(f, p)
	}
}

func orNothing(path string) string {
	if path == "" {
		return "(none)"
	}
	return path
}

func (r *Report) running(f Facts, p *Plugin) {
	r.Plan = &RunsPlan{Hash: PlanHash(p.Plan), Policies: []string{}, Clusters: []string{}}
	decoded, err := plan.Decode([]byte(p.Plan))
	if err != nil {
		r.add("plan", Warned, "use the tutti of the control plane's version", "it runs plan %s, which this tutti cannot read: %v", r.Plan.Hash, err)
		return
	}
	clusters := map[string]bool{}
	for _, policy := range decoded.Policies {
		r.Plan.Policies = append(r.Plan.Policies, policy.Name)
		for _, s := range policy.Steps {
			clusters[s.Cluster] = true
		}
	}
	r.Plan.Clusters = slices.AppendSeq(r.Plan.Clusters, maps.Keys(clusters))
	slices.Sort(r.Plan.Clusters)
	r.ok("plan", "runs plan %s: %s", r.Plan.Hash, strings.Join(r.Plan.Policies, ", "))
	var missing []string
	for _, c := range r.Plan.Clusters {
		if _, there := f.Clusters[c]; !there {
			missing = append(missing, c)
		}
	}
	if len(missing) > 0 {
		r.add("upstreams", Failed, "add them to this Envoy, or correct spec.cluster of the Upstreams", "policies call clusters that are not there: %s", strings.Join(missing, ", "))
		return
	}
	r.ok("upstreams", "all clusters that policies call are there: %s", strings.Join(r.Plan.Clusters, ", "))
}

// Render writes the report for people.
func (r Report) Render() string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%-8s %-11s %s\n", f.Level, f.Check, f.Message)
		if f.Fix != "" {
			fmt.Fprintf(&b, "%-8s %-11s fix: %s\n", "", "", f.Fix)
		}
	}
	return b.String()
}
