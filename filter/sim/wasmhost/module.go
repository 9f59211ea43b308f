package wasmhost

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// Module is a compiled module, from which any number of VMs can be made.
type Module struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
}

// compiledModules has one Module per content, as compiling takes seconds.
var compiledModules sync.Map // string -> func() (*Module, error)

// Compile compiles the module, or returns the one that it made before of the
// same bytes. Machine code is kept in the user's cache directory.
func Compile(wasm []byte) (*Module, error) {
	once, _ := compiledModules.LoadOrStore(string(wasm), sync.OnceValues(func() (*Module, error) {
		return compile(context.Background(), wasm)
	}))
	return once.(func() (*Module, error))()
}

func compile(ctx context.Context, wasm []byte) (*Module, error) {
	config := wazero.NewRuntimeConfig()
	if dir, err := os.UserCacheDir(); err == nil {
		cache, err := wazero.NewCompilationCacheWithDir(filepath.Join(dir, "tutti", "wazero"))
		if err != nil {
			return nil, fmt.Errorf("cache of compiled modules: %w", err)
		}
		config = config.WithCompilationCache(cache)
	}
	r := wazero.NewRuntimeWithConfig(ctx, config)
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, r); err != nil {
		return nil, fmt.Errorf("wasi: %w", err)
	}
	if err := defineHost(ctx, r); err != nil {
		return nil, fmt.Errorf("proxy-wasm host functions: %w", err)
	}
	compiled, err := r.CompileModule(ctx, wasm)
	if err != nil {
		return nil, fmt.Errorf("compile the module: %w", err)
	}
	return &Module{runtime: r, compiled: compiled}, nil
}

// Exports are the names of the functions that the module exports.
func (m *Module) Exports() []string {
	var names []string
	for name := range m.compiled.ExportedFunctions() {
		names = append(names, name)
	}
	return names
}

// Imports are the functions that the module imports, as "module.name", once
// each.
func (m *Module) Imports() []string {
	var names []string
	seen := map[string]bool{}
	for _, f := range m.compiled.ImportedFunctions() {
		module, name, _ := f.Import()
		if full := module + "." + name; !seen[full] {
			seen[full] = true
			names = append(names, full)
		}
	}
	return names
}
