package policy

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

var (
	labelForm    = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	callNameForm = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	hostForm     = regexp.MustCompile(`^[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?)*\.?$`)
	tokenForm    = regexp.MustCompile("^[-!#$%&'*+.^_`|~0-9A-Za-z]+$")
)

const maxName = 63

// resourceName says whether a name is one of a resource.
func (d *decoder) resourceName(name Text) bool {
	if len(name.Value) <= maxName && labelForm.MatchString(name.Value) {
		return true
	}
	d.report(name.Loc, "bad-name", "is "+quote(name.Value)+", not a DNS label",
		"want lower-case letters, digits and hyphens between them, at most 63")
	return false
}

// callName says whether a name is one of a call, a step or a path parameter.
func (d *decoder) callName(l Loc, name string) bool {
	if len(name) <= maxName && callNameForm.MatchString(name) {
		return true
	}
	hint := "want a lower-case letter, then letters, digits and underscores, at most 63"
	if fixed := strings.ToLower(strings.ReplaceAll(name, "-", "_")); callNameForm.MatchString(fixed) && len(fixed) <= maxName {
		hint = "write " + quote(fixed)
	}
	d.report(l, "bad-name", "is "+quote(name)+", not a name that expressions can use", hint)
	return false
}

func (d *decoder) checkUpstream(u *Upstream) {
	s := &u.Spec
	if len(s.Endpoints) == 0 && !s.Cluster.Given() && !d.failed() {
		d.report(s.Loc, "missing-field", "has neither endpoints nor cluster",
			"endpoints for sidecars of Tutti's, cluster for attached Envoys")
	}
	if s.Cluster.Given() && (s.Cluster.Value == "" || len(s.Cluster.Value) > 255 || !printableASCII(s.Cluster.Value)) {
		d.report(s.Cluster.Loc, "bad-name", "is "+quote(s.Cluster.Value)+", not a cluster name", "")
	}
	d.checkEndpoints(s.Endpoints)
	if s.Authority.Given() && !validAuthority(s.Authority.Value) {
		d.report(s.Authority.Loc, "bad-authority", "is "+quote(s.Authority.Value)+", not host or host:port", "")
	}
	d.checkTLS(s.TLS)
	if len(s.Endpoints) > 0 || !s.Cluster.Given() {
		return
	}
	idle := []Loc{s.Protocol.Loc, s.ConnectTimeout.Loc, s.Limits.Loc}
	if s.TLS != nil {
		idle = append(idle, s.TLS.Loc)
	}
	for _, l := range idle {
		if l.Given() {
			p := At(l, "no-effect", "has no effect without endpoints", "the Envoy that has the cluster decides")
			p.Severity = Warning
			d.add(p)
		}
	}
}

func (d *decoder) checkTLS(t *TLS) {
	if t == nil {
		return
	}
	if t.CertFile.Given() != t.KeyFile.Given() {
		given, missing := t.CertFile, "keyFile"
		if t.KeyFile.Given() {
			given, missing = t.KeyFile, "certFile"
		}
		d.report(given.Loc, "missing-field", "needs "+missing+" beside it", "")
	}
	for _, f := range []Text{t.CAFile, t.CertFile, t.KeyFile} {
		if f.Given() && (f.Value == "" || strings.ContainsRune(f.Value, 0)) {
			d.report(f.Loc, "bad-value", "is "+quote(f.Value)+", not a path", "")
		}
	}
	if t.SNI.Given() && !hostForm.MatchString(t.SNI.Value) {
		d.report(t.SNI.Loc, "bad-value", "is "+quote(t.SNI.Value)+", not a DNS name", "")
	}
}

// checkEndpoints also sees to it that all are addresses or all are names: EDS
// takes addresses only.
func (d *decoder) checkEndpoints(endpoints []Text) {
	seen := map[string]bool{}
	first := ""
	for _, e := range endpoints {
		if !e.Given() {
			continue
		}
		host, _, err := SplitEndpoint(e.Value)
		if err != nil {
			d.report(e.Loc, "bad-endpoint", "is "+quote(e.Value)+": "+err.Error(), `want "host:port"`)
			continue
		}
		if seen[e.Value] {
			d.report(e.Loc, "duplicate-name", quote(e.Value)+" is in the list twice", "")
		}
		seen[e.Value] = true
		kind := "a DNS name"
		if IsAddress(host) {
			kind = "an IP address"
		}
		if first == "" {
			first = kind
		}
		if kind != first {
			d.report(e.Loc, "bad-endpoint", "is "+kind+" and the first endpoint is "+first,
				"make two Upstreams of them")
		}
	}
}

// SplitEndpoint splits "host:port"; an IPv6 address stands in brackets, which
// the host that is returned has not.
func SplitEndpoint(s string) (host string, port uint32, err error) {
	if strings.Contains(s, "://") {
		return "", 0, fmt.Errorf("has a scheme")
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", 0, fmt.Errorf("has no port")
	}
	host = s[:i]
	n, err := strconv.ParseUint(s[i+1:], 10, 16)
	if err != nil || n == 0 || s[i+1] == '0' {
		return "", 0, fmt.Errorf("the port is not 1 to 65535")
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		a, err := netip.ParseAddr(inner)
		if !ok || err != nil || !a.Is6() || a.Zone() != "" {
			return "", 0, fmt.Errorf("no IPv6 address in the brackets")
		}
		return inner, uint32(n), nil
	}
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		return "", 0, fmt.Errorf("an IPv6 address needs brackets")
	}
	if !IsAddress(host) && (!hostForm.MatchString(host) || len(host) > 253 || allDigits(host)) {
		return "", 0, fmt.Errorf("the host is no address and no DNS name")
	}
	return host, uint32(n), nil
}

// allDigits says whether a name could only be a broken IPv4 address.
func allDigits(host string) bool { return strings.Trim(host, "0123456789.") == "" }

// IsAddress says whether a host is an IP address rather than a name.
func IsAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

func validAuthority(s string) bool {
	if hostForm.MatchString(s) || IsAddress(strings.Trim(s, "[]")) && strings.HasPrefix(s, "[") == strings.Contains(s, ":") {
		return true
	}
	_, _, err := SplitEndpoint(s)
	return err == nil
}

func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
