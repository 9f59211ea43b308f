package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/tutti-mesh/tutti/controlplane"
	"github.com/tutti-mesh/tutti/controlplane/publish"
	"github.com/tutti-mesh/tutti/filter/plan"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update writes it anew)\n got:\n%s\nwant:\n%s", path, got, want)
	}
}

// tutti runs the command line and returns what it says, in one text.
func tutti(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = runContext(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// Every command has a help text that teaches: these files are the manual.
func TestHelp(t *testing.T) {
	seen := map[string]bool{}
	check := func(cmd *cobra.Command) {
		args := strings.Fields(cmd.CommandPath())[1:]
		name := strings.Join(append([]string{"tutti"}, args...), "-") + ".golden"
		seen[name] = true
		code, out, errs := tutti(t, append(args, "--help")...)
		if code != 0 || errs != "" {
			t.Errorf("%s --help: exit %d, %s", cmd.CommandPath(), code, errs)
		}
		if cmd.Long == "" || cmd.Example == "" {
			t.Errorf("%s has no long help or no example", cmd.CommandPath())
		}
		golden(t, filepath.Join("help", name), []byte(out))
	}
	root := newRoot()
	check(root)
	for _, cmd := range root.Commands() {
		check(cmd)
	}
	files, err := os.ReadDir("testdata/help")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !seen[f.Name()] {
			t.Errorf("testdata/help/%s is of no command", f.Name())
		}
	}
}

func TestUsageErrors(t *testing.T) {
	var b strings.Builder
	for _, line := range []string{
		"nonsense", "serv", "--nonsense",
		"check", "check -o xml x.yaml",
		"plan x.yaml",
		"serve", "serve --policies x --log-level loud", "serve --policies x --log-format xml",
		"sidecar", "sidecar --service s --listen :1 --app :2 extra",
		"attach", "attach --check x --service y", "attach --check ftp://x", "attach --service s --envoy-version new",
		"status extra", "probe", "version extra", "demo extra", "envoy extra",
	} {
		code, out, errs := tutti(t, strings.Fields(line)...)
		if code != exitUsage || out != "" {
			t.Errorf("tutti %s: exit %d, printed %q", line, code, out)
		}
		fmt.Fprintf(&b, "$ tutti %s\n%s", line, errs)
	}
	golden(t, "usage-errors.golden", []byte(b.String()))
}

// One file shows what check and plan say of policies.
func TestCheckAndPlan(t *testing.T) {
	var b strings.Builder
	for _, line := range []string{
		"check testdata/policies/good.yaml",
		"check -o json testdata/policies/good.yaml",
		"check testdata/policies/bad.yaml",
		"check -o json testdata/policies/bad.yaml",
		"check testdata/policies/none.yaml",
		"check testdata/help",
		"plan --service storefront testdata/policies/good.yaml",
		"plan --service checkout testdata/policies/good.yaml",
		"plan --service storefront testdata/policies/bad.yaml",
	} {
		code, out, errs := tutti(t, strings.Fields(line)...)
		fmt.Fprintf(&b, "$ tutti %s\n%s%s(exit %d)\n\n", line, out, errs, code)
	}
	golden(t, "check-and-plan.golden", []byte(b.String()))
}

// The JSON is the plan itself: what the filter decodes.
func TestPlanJSON(t *testing.T) {
	code, out, errs := tutti(t, "plan", "--service", "storefront", "-o", "json", "testdata/policies/good.yaml")
	p, err := plan.Decode([]byte(out))
	if code != 0 || err != nil || len(p.Policies) != 1 {
		t.Fatalf("exit %d, %v, %s%s", code, err, errs, out)
	}
	_, text, _ := tutti(t, "plan", "--service", "storefront", "testdata/policies/good.yaml")
	if hash := publish.Hash(p); !strings.Contains(text, hash) {
		t.Errorf("hash %s is not in %s", hash, text)
	}
}

func TestCheckReadsFolderAndStdin(t *testing.T) {
	code, _, errs := tutti(t, "check", "testdata/policies")
	if code != exitFailure || !strings.Contains(errs, "4 upstreams") {
		t.Errorf("a folder: exit %d, %s", code, errs)
	}
	root := newRoot()
	text, err := os.ReadFile("testdata/policies/bad.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	root.SetIn(bytes.NewReader(text))
	root.SetOut(&out)
	root.SetErr(io.Discard)
	root.SetArgs([]string{"check", "-"})
	if err := root.Execute(); err == nil || !strings.HasPrefix(out.String(), "stdin:") {
		t.Errorf("stdin: %v, %s", err, out.String())
	}
}

// now is when the status of these tests is looked at.
var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func someStatus() controlplane.Status {
	return controlplane.Status{
		Version: "v0.1.0",
		Sidecars: []publish.SidecarStatus{
			{ID: "catalog-1", Service: "catalog", State: publish.Synced, Since: now.Add(-90 * time.Second), EnvoyVersion: "1.40.0", TuttiVersion: "v0.1.0"},
			{ID: "gw", Service: "gateway", Attached: true, State: publish.Errored, Since: now.Add(-3 * time.Hour), WantedPlan: "bbbb", AckedPlan: "aaaa", Error: "ECDS tutti: Unable to create Wasm plugin", EnvoyVersion: "1.36.4"},
			{ID: "storefront-1", Service: "storefront", State: publish.Syncing, Since: now, WantedPlan: "cccc", EnvoyVersion: "1.40.0", TuttiVersion: "v0.1.0"},
			{ID: "storefront-2", Service: "storefront", State: publish.NotConnected, Since: now.Add(-72 * time.Hour), WantedPlan: "cccc", AckedPlan: "cccc"},
		},
		Policies: []controlplane.PolicyStatus{
			{Kind: "Aggregation", Name: "cart", File: "shop.yaml", Type: "Accepted", Status: false, Reason: "Invalid", Message: "2 problems; the last good version serves", ObservedHash: "22", ServingHash: "11"},
			{Kind: "Aggregation", Name: "product-page", File: "shop.yaml", Type: "Accepted", Status: true, Reason: "Accepted", ObservedHash: "33", ServingHash: "33"},
		},
		Problems: []controlplane.ProblemStatus{{File: "shop.yaml", Line: 14, Col: 11, Path: "spec.calls[1].upstream", Code: "unknown-upstream", Message: `unknown upstream "review"`, Hint: `did you mean "reviews"?`, Severity: "error"}},
	}
}

func TestStatusText(t *testing.T) {
	var b bytes.Buffer
	for _, st := range []controlplane.Status{someStatus(), {}} {
		if err := printStatus(&b, asText, nil, st, now); err != nil {
			t.Fatal(err)
		}
		b.WriteString("===\n")
	}
	golden(t, "status.golden", b.Bytes())
}

// statusServer is a control plane that answers with one status after the other
// and then always with the last.
func statusServer(t *testing.T, all ...controlplane.Status) string {
	t.Helper()
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/status" {
			http.NotFound(w, r)
			return
		}
		if err := printJSON(w, all[min(asked, len(all)-1)]); err != nil {
			t.Error(err)
		}
		asked++
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestStatus(t *testing.T) {
	synced := controlplane.Status{Sidecars: []publish.SidecarStatus{{ID: "a", State: publish.Synced}, {ID: "b", State: publish.Synced}, {ID: "c", State: publish.NotConnected}}}
	late := controlplane.Status{Sidecars: []publish.SidecarStatus{{ID: "a", State: publish.Synced}, {ID: "b", State: publish.Stale}}}
	none := httptest.NewServer(http.NotFoundHandler())
	defer none.Close()
	for name, tt := range map[string]struct {
		args []string
		code int
		want string
	}{
		"as JSON":           {[]string{"-o", "json", "--server", statusServer(t, someStatus())}, 0, `"wanted_plan": "cccc"`},
		"waits":             {[]string{"--wait-synced", "--sidecars", "2", "--server", statusServer(t, controlplane.Status{}, late, synced)}, 0, "NOT CONNECTED"},
		"gives up":          {[]string{"--wait-synced", "--timeout", "300ms", "--server", statusServer(t, late)}, 1, "gave up waiting: b is STALE"},
		"too few":           {[]string{"--wait-synced", "--sidecars", "3", "--timeout", "300ms", "--server", statusServer(t, synced)}, 1, "2 of 3 sidecars are connected"},
		"no control plane":  {[]string{"--server", "http://127.0.0.1:1"}, 1, "is `tutti serve` running there?"},
		"something else":    {[]string{"--server", none.URL}, 1, "status 404"},
		"waits for nothing": {[]string{"--wait-synced", "--timeout", "300ms", "--server", none.URL}, 1, "status 404"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := tutti(t, append([]string{"status"}, tt.args...)...)
			if code != tt.code || !strings.Contains(out+errs, tt.want) {
				t.Errorf("exit %d, want %d with %q\n%s%s", code, tt.code, tt.want, out, errs)
			}
		})
	}
}

func TestProbe(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ready" {
			http.Error(w, "INITIALIZING", http.StatusServiceUnavailable)
		}
	}))
	defer srv.Close()
	if code, out, errs := tutti(t, "probe", srv.URL+"/ready"); code != 0 || out+errs != "" {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	if code, _, errs := tutti(t, "probe", srv.URL+"/other"); code != exitFailure || !strings.Contains(errs, "status 503: INITIALIZING") {
		t.Errorf("exit %d, %s", code, errs)
	}
	if code, _, errs := tutti(t, "probe", "http://127.0.0.1:1/"); code != exitFailure || !strings.Contains(errs, "refused") {
		t.Errorf("exit %d, %s", code, errs)
	}
}

func TestAttachAndVersion(t *testing.T) {
	dir := t.TempDir()
	module, out := filepath.Join(dir, "in.wasm"), filepath.Join(dir, "out.wasm")
	if err := os.WriteFile(module, []byte("\x00asm\x01\x00\x00\x00"), 0o644); err != nil {
		t.Fatal(err)
	}
	const hash = "93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476"
	code, text, errs := tutti(t, "attach", "--service", "gateway", "--module", module, "--module-out", out)
	if code != 0 || !strings.Contains(text, `module_sha256: "`+hash+`"`) {
		t.Errorf("exit %d, %s%s", code, errs, text)
	}
	if raw, err := os.ReadFile(out); err != nil || len(raw) != 8 {
		t.Errorf("%q, %v", raw, err)
	}
	code, text, errs = tutti(t, "version", "--module", module, "-o", "json")
	if code != 0 || !strings.Contains(text, hash) || !strings.Contains(text, `"plan_versions"`) {
		t.Errorf("exit %d, %s%s", code, errs, text)
	}
	if code, _, errs = tutti(t, "version", "--module", filepath.Join(dir, "none")); code != exitFailure || !strings.Contains(errs, "no such file") {
		t.Errorf("exit %d, %s", code, errs)
	}
}

func TestSidecarSaysWhatIsMissing(t *testing.T) {
	args := []string{"sidecar", "--service", "s", "--listen", "127.0.0.1:1", "--app", "127.0.0.1:2"}
	code, _, errs := tutti(t, append(args, "--module", "none.wasm")...)
	if code != exitFailure || !strings.Contains(errs, "--module: open none.wasm") {
		t.Errorf("exit %d, %s", code, errs)
	}
	module := filepath.Join(t.TempDir(), "m.wasm")
	if err := os.WriteFile(module, []byte("\x00asm"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, _, errs = tutti(t, append(args, "--module", module, "--envoy", "/nonexistent")...)
	if code != exitFailure || !strings.Contains(errs, "--envoy: /nonexistent") {
		t.Errorf("exit %d, %s", code, errs)
	}
}
