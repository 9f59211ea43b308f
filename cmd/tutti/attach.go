package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/tutti-mesh/tutti/envoy"
)

const attachHelp = `For an Envoy that is not Tutti's. It prints what to paste into its configuration:
the node's metadata, the cluster of the control plane, the HTTP filter. The Envoy
keeps its own listeners, routes and clusters; the control plane sends it the plan
and nothing else. Policies then name the clusters that it has:

  kind: Upstream
  metadata: {name: catalog}
  spec: {cluster: catalog_v2}

The Envoy reads the Wasm module from a file: --module-out writes it.

--check asks the admin interface of an Envoy whether all is in place, which plan
it runs, and whether the clusters that its policies call are there. What is not
comes with what to do, and the exit code is 1.`

func newAttach() *cobra.Command {
	var a envoy.Attachment
	var checkURL, moduleOut, envoyVersion string
	cmd := &cobra.Command{
		Use:     "attach",
		GroupID: groupRun,
		Short:   "Prepare an Envoy that is already there, or check one",
		Long:    attachHelp,
		Example: `  tutti attach --service gateway --xds tutti.mesh:18000
  tutti attach --module-out /etc/envoy/tutti.wasm
  tutti attach --check http://127.0.0.1:9901`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&a.Service, "service", "", "`NAME` of the service that the Envoy stands before, as targetRefs name it")
	f.StringVar(&a.ID, "id", "", "`ID` of its node, unique in the mesh; default: SERVICE-1")
	addXDS(cmd, &a.XDS)
	f.StringVar(&envoyVersion, "envoy-version", envoy.DefaultVersion, "`VERSION` of that Envoy")
	f.StringVar(&a.ModulePath, "module-path", "/etc/envoy/tutti.wasm", "`FILE` that the Envoy will read the module from")
	f.StringVar(&moduleOut, "module-out", "", "write the module to `FILE`")
	f.StringVar(&checkURL, "check", "", "check the Envoy with the admin interface at `URL`")
	out := addOutput(cmd)
	module := addModule(cmd)
	cmd.MarkFlagsOneRequired("service", "module-out", "check")
	cmd.MarkFlagsMutuallyExclusive("check", "service")
	cmd.MarkFlagsMutuallyExclusive("check", "module-out")
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		if checkURL != "" {
			return checkAttached(cmd, checkURL, *out)
		}
		wasm, err := wasmModule(*module)
		// The stanza can do without: the hash is for the status only.
		if err != nil && (moduleOut != "" || !errors.Is(err, errNoModule)) {
			return err
		}
		if moduleOut != "" {
			if err := os.WriteFile(moduleOut, wasm, 0o644); err != nil {
				return fmt.Errorf("--module-out: %w", err)
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s (%d bytes)\n", moduleOut, len(wasm))
		}
		if a.Service == "" {
			return nil
		}
		if a.Envoy, err = envoy.ParseVersion(envoyVersion); err != nil {
			return usageError{fmt.Errorf("--envoy-version: %w", err)}
		}
		return printAttachment(cmd, a, wasm)
	})
	return cmd
}

func printAttachment(cmd *cobra.Command, a envoy.Attachment, wasm []byte) error {
	if wasm != nil {
		a.ModuleSHA256 = envoy.Hash(wasm)
	}
	a.PlanVersions, a.TuttiVersion = planVersions, version()
	text, err := a.Render()
	if err != nil {
		return err
	}
	_, err = cmd.OutOrStdout().Write(text)
	return err
}

func checkAttached(cmd *cobra.Command, url string, out output) error {
	admin, err := envoy.NewAdmin(url)
	if err != nil {
		return usageError{fmt.Errorf("--check: %w", err)}
	}
	report, err := envoy.Check(cmd.Context(), admin)
	if err != nil {
		return err
	}
	if out == asJSON {
		err = printJSON(cmd.OutOrStdout(), report)
	} else {
		_, err = fmt.Fprint(cmd.OutOrStdout(), report.Render())
	}
	if err == nil && !report.OK() {
		return failure{}
	}
	return err
}
