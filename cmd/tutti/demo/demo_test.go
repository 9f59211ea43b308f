package demo

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tutti-mesh/tutti/controlplane"
	"github.com/tutti-mesh/tutti/envoy"
	"github.com/tutti-mesh/tutti/filter/plan"
)

// root is the top of the repository.
const root = "../../.."

// built returns a demo of freshly built parts.
func built(t *testing.T, out *strings.Builder) Config {
	t.Helper()
	dir := t.TempDir()
	module, services := filepath.Join(dir, "tutti.wasm"), filepath.Join(dir, "services")
	gobuild(t, []string{"GOOS=wasip1", "GOARCH=wasm"}, "-buildmode=c-shared", "-ldflags=-s -w", "-o", module, "./filter")
	gobuild(t, nil, "-o", services, "./e2e/services")
	wasm, err := os.ReadFile(module)
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Services: services, Policies: filepath.Join(root, "e2e/policies/shop.yaml"), Wasm: wasm, PlanVersions: []int{plan.Version},
		Version: "test", Self: "tutti", Envoy: envoy.Finder{Version: envoy.DefaultVersion, Progress: os.Stderr}, Status: status, Once: true, Out: out,
	}
}

func gobuild(t *testing.T, env []string, args ...string) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"build", "-trimpath"}, args...)...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

func status(ctx context.Context, server string) (st controlplane.Status, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/v1/status", nil)
	if err != nil {
		return st, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return st, err
	}
	defer resp.Body.Close()
	return st, json.NewDecoder(resp.Body).Decode(&st)
}

// The demo is the first thing that anybody runs. It compares the answers
// itself; what it says is looked at here.
func TestDemo(t *testing.T) {
	var out strings.Builder
	c := built(t, &out)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := Run(ctx, c); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"Envoy          1.40.0", "4, all SYNCED", `"available": true`, "+      left: ${steps.stock.body.count}", "none failed", `"left": 3`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, out.String())
		}
	}
}

// What is wrong is said with the end of the log, and nothing is left behind.
func TestDemoFails(t *testing.T) {
	var out strings.Builder
	whole := built(t, &out)
	t.Setenv("TMPDIR", t.TempDir())
	other := filepath.Join(t.TempDir(), "other.yaml")
	text, err := os.ReadFile(whole.Policies)
	if err != nil {
		t.Fatal(err)
	}
	// The same answer, written another way: the demo finds no line to change.
	if err := os.WriteFile(other, []byte(strings.Replace(string(text), `count > 0}"`, `count >= 1}"`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		"`make build` makes bin/services": func(c *Config) { c.Services = "/nonexistent" },
		"--policies FILE names another":   func(c *Config) { c.Policies = "/nonexistent" },
		"ended":                           func(c *Config) { c.Services = "/bin/false" },
		"not a Wasm module":               func(c *Config) { c.Wasm = nil },
		"which the demo changes":          func(c *Config) { c.Policies = other },
	} {
		c := whole
		change(&c)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		if err := Run(ctx, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
		cancel()
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "tutti-demo-*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
