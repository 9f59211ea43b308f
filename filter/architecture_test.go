package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const ours = "github.com/tutti-mesh/tutti/"

// banned are packages that must not come into the module, by any way, each with
// what it would cost. Sizes are of the module, stripped; a sidecar holds about
// 18 times as much.
var banned = map[string]string{
	"encoding/json":                 "0.6 MB, and validates at 14 ns a byte in V8: jsontext is twenty times as fast and strict about UTF-8",
	"net/http":                      "2.5 MB, and WASI functions that Envoy before 1.39 lacks",
	"net":                           "WASI functions that Envoy before 1.39 lacks; Envoy does the networking",
	"net/url":                       "0.1 MB for escaping that the engine does in sixty lines",
	"regexp":                        "0.3 MB, and no bound on what a pattern costs a request",
	"log/slog":                      "0.8 MB; Envoy has the log",
	"log":                           "Envoy has the log",
	"text/template":                 "2.5 MB; plans are compiled by the control plane",
	"runtime/debug":                 "nothing here needs it; the stack of a panic comes from runtime",
	"google.golang.org/grpc":        "Envoy does the networking",
	"google.golang.org/protobuf":    "2 MB and reflection: the plan is JSON, which config_dump shows",
	"go.yaml.in/yaml":               "the control plane reads YAML",
	"gopkg.in/yaml":                 "the control plane reads YAML",
	"cel.dev":                       "the control plane compiles expressions; filter/expr evaluates them",
	"github.com/google/cel-go":      "the control plane compiles expressions; filter/expr evaluates them",
	"github.com/tetratelabs/wazero": "it runs the module in tests",
	"testing":                       "it would put flags and the profiler into the module",
	ours + "controlplane":           "the filter owns the contract (plan); the control plane imports it, never the reverse",
}

func TestModuleImports(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", ".")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, dep := range strings.Fields(string(out)) {
		for ban, why := range banned {
			if dep == ban || strings.HasPrefix(dep, ban+"/") {
				t.Errorf("the module imports %s: %s", dep, why)
			}
		}
	}
}

// packages are all packages of the repository and which of ours each may
// import. A new package gets a line here. Where two layers need the same thing,
// the lower one owns it.
var packages = map[string]struct {
	imports string
	why     string
}{
	"filter/jsontext": {"", "bytes in, spans out; it knows nothing above JSON"},
	"filter/expr":     {"filter/jsontext", "an expression knows data only through its Env"},
	"filter/plan":     {"filter/expr filter/jsontext", "the contract says what is to be done and does nothing"},
	"filter/engine":   {"filter/plan filter/expr filter/jsontext", "a pure state machine: no host, no transport"},
	"filter/internal/hostabi": {"filter/jsontext",
		"the only package that touches the ABI; it knows no plan"},
	"filter/internal/hostabi/testdata/probe": {"filter/internal/hostabi", "a module for hostabi's tests"},
	"filter":                                 {"filter/engine filter/plan filter/internal/hostabi", "wiring only"},
	"filter/sim": {"filter/engine filter/plan filter/jsontext",
		"plays scenarios on the engine, natively"},
	"filter/sim/wasmhost": {"filter/sim filter/engine filter/plan", "plays scenarios on the module, through the ABI only"},

	"controlplane/mesh":    {"", "facts that compile and xds take; values only"},
	"controlplane/policy":  {"", "the user's language; what a policy becomes is compile's business"},
	"controlplane/cel":     {"filter/expr filter/jsontext controlplane/policy", "one translation: CEL to expr"},
	"controlplane/compile": {"controlplane/policy controlplane/cel controlplane/mesh filter/plan filter/expr filter/jsontext", "one translation: policy to plan"},
	"controlplane/xds":     {"controlplane/mesh filter/plan", "one translation: plan to Envoy; it knows no policy"},
	"controlplane/publish": {"controlplane/xds controlplane/mesh filter/plan", "who has what; it knows no policy"},
	"controlplane/watch":   {"", "bytes from files; it parses nothing"},
	"controlplane": {"controlplane/watch controlplane/policy controlplane/compile controlplane/xds controlplane/publish controlplane/mesh filter/plan",
		"the one place where the parts meet"},

	"envoy":          {"controlplane/mesh filter/plan", "owns an Envoy process; it knows no policy"},
	"cmd/tutti/demo": {"controlplane controlplane/publish controlplane/mesh envoy", "a mesh on one machine, of the parts that the other commands use"},
	"cmd/tutti": {"cmd/tutti/demo controlplane controlplane/policy controlplane/compile controlplane/xds controlplane/publish controlplane/mesh controlplane/watch envoy filter/plan",
		"flags and printing; the filter is embedded as bytes, and e2e sees the binary only from outside"},

	"e2e":          {"", "a black box: what it imported, it could not test from outside"},
	"e2e/services": {"", "the services of users know nothing of Tutti"},
	"e2e/bench":    {"", "measures processes from outside"},
}

// pure packages take all they know as arguments, so that the same input gives
// the same bytes. clock is what reads time or waits for it.
var (
	pure  = []string{"filter/jsontext", "filter/expr", "filter/plan", "filter/engine", "controlplane/policy", "controlplane/cel", "controlplane/compile", "controlplane/xds", "controlplane/mesh"}
	doIO  = []string{"os", "net", "net/http", "io/ioutil", "os/exec", "syscall", "log", "log/slog", "math/rand", "math/rand/v2", "crypto/rand"}
	clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}
)

func TestArchitecture(t *testing.T) {
	for dir, files := range sources(t) {
		allowed, known := packages[dir]
		if !known {
			t.Errorf("%s is new: say in filter/architecture_test.go what it may import, and why", dir)
			continue
		}
		for name, file := range files {
			for _, imp := range file.Imports {
				target, _ := strconv.Unquote(imp.Path.Value)
				dep, isOurs := strings.CutPrefix(target, ours)
				if isOurs && !slices.Contains(strings.Fields(allowed.imports), dep) {
					t.Errorf("%s imports %s; %s may import [%s]: %s", name, dep, dir, allowed.imports, allowed.why)
				}
				if slices.Contains(pure, dir) && slices.Contains(doIO, target) {
					t.Errorf("%s imports %s; %s does no I/O: the same input has to give the same bytes", name, target, dir)
				}
				if inModule(dir) && target == "fmt" {
					t.Errorf("%s imports fmt: its printing adds 0.3 MB to the module; use strconv", name)
				}
			}
			if slices.Contains(pure, dir) {
				checkNoClock(t, name, file)
			}
			if inModule(dir) {
				checkNoConcurrency(t, name, file)
			}
		}
	}
}

// inModule says whether a package becomes part of the module.
func inModule(dir string) bool {
	return (dir == "filter" || strings.HasPrefix(dir, "filter/")) && !strings.HasPrefix(dir, "filter/sim")
}

func checkNoClock(t *testing.T, name string, file *ast.File) {
	t.Helper()
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, sel.Sel.Name) {
				t.Errorf("%s reads the clock (time.%s); time is an argument here", name, sel.Sel.Name)
			}
		}
		return true
	})
}

// checkNoConcurrency: nothing runs between Envoy's calls, so a goroutine would
// stand still and a channel would trap the VM.
func checkNoConcurrency(t *testing.T, name string, file *ast.File) {
	t.Helper()
	ast.Inspect(file, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.GoStmt:
			t.Errorf("%s starts a goroutine: it would not run between Envoy's calls", name)
		case *ast.ChanType, *ast.SelectStmt:
			t.Errorf("%s uses a channel: waiting on it would trap the VM", name)
		}
		return true
	})
}

// sources are the parsed files of the repository that are no tests, by
// directory and name.
func sources(t *testing.T) map[string]map[string]*ast.File {
	t.Helper()
	dirs := map[string]map[string]*ast.File{}
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != ".." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		name, err := filepath.Rel("..", file)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		dir := path.Dir(name)
		if dirs[dir] == nil {
			dirs[dir] = map[string]*ast.File{}
		}
		dirs[dir][name] = parsed
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(dirs) < 5 {
		t.Fatalf("only %d packages found: this test looks at the wrong place", len(dirs))
	}
	return dirs
}
