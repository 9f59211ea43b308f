package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/tutti-mesh/tutti/filter/plan"
)

// embedded holds module/tutti.wasm if it was there when this was built; a
// committed README keeps the folder.
//
//go:embed module
var embedded embed.FS

// errNoModule: this tutti was built without `make`.
var errNoModule = errors.New("this tutti has no Wasm module inside: build it with `make build`, or name one: --module FILE")

// planVersions are what the module can run: it is built from the same source.
var planVersions = []int{plan.Version}

// addModule adds --module.
func addModule(cmd *cobra.Command) *string {
	return cmd.Flags().String("module", "", "Wasm module to run instead of the one inside, a `FILE`")
}

// wasmModule reads the file, or what is embedded if it is empty.
func wasmModule(file string) ([]byte, error) {
	if file != "" {
		wasm, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("--module: %w", err)
		}
		return wasm, nil
	}
	wasm, err := embedded.ReadFile("module/tutti.wasm")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoModule
	}
	return wasm, err
}

// version is the module's version and, from a checkout, the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
