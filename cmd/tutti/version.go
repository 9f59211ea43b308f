package main

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/tutti-mesh/tutti/envoy"
)

// versionInfo is what `tutti version -o json` prints.
type versionInfo struct {
	Version      string      `json:"version"`
	PlanVersions []int       `json:"plan_versions"`
	Module       *moduleInfo `json:"module,omitempty"`
	Envoy        string      `json:"envoy"`
	EnvoyOldest  string      `json:"envoy_oldest"`
	Go           string      `json:"go"`
}

type moduleInfo struct {
	SHA256 string `json:"sha256"`
	Bytes  int    `json:"bytes"`
}

func newVersion() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "version",
		GroupID: groupOther,
		Short:   "Print the versions of everything inside",
		Long: `Prints the version of this binary, the plan versions that it compiles and its
module runs, the hash of the module, and the Envoys that it works with.`,
		Example: `  tutti version
  tutti version -o json`,
		Args: cobra.NoArgs,
	}
	out := addOutput(cmd)
	file := addModule(cmd)
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		info := versionInfo{
			Version: version(), PlanVersions: planVersions, Go: runtime.Version(), Envoy: envoy.DefaultVersion,
			EnvoyOldest: fmt.Sprintf("%d.%d", envoy.Oldest.Major, envoy.Oldest.Minor),
		}
		wasm, err := wasmModule(*file)
		switch {
		case err == nil:
			info.Module = &moduleInfo{SHA256: envoy.Hash(wasm), Bytes: len(wasm)}
		case !errors.Is(err, errNoModule):
			return err
		}
		if *out == asJSON {
			return printJSON(cmd.OutOrStdout(), info)
		}
		module := "none (built without `make`)"
		if info.Module != nil {
			module = fmt.Sprintf("sha256 %s, %d bytes", info.Module.SHA256, info.Module.Bytes)
		}
		return table(cmd.OutOrStdout(), [][]string{
			{"tutti", info.Version},
			{"plan versions", fmt.Sprint(info.PlanVersions)},
			{"module", module},
			{"envoy", fmt.Sprintf("%s or later, %s by default", info.EnvoyOldest, info.Envoy)},
			{"go", info.Go},
		})
	})
	return cmd
}
