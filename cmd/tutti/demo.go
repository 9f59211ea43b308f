package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/tutti-mesh/tutti/cmd/tutti/demo"
	"github.com/tutti-mesh/tutti/controlplane"
	"github.com/tutti-mesh/tutti/envoy"
)

func newDemo() *cobra.Command {
	var c demo.Config
	cmd := &cobra.Command{
		Use:     "demo",
		GroupID: groupRun,
		Short:   "Run a whole mesh on this machine and watch it answer",
		Long: `Starts a control plane, four small services (storefront, catalog, reviews,
inventory) and an Envoy sidecar for each, all on loopback. Asks the storefront's
sidecar for a product page, which it puts together from the three others; changes
the policy while requests go on; and asks again. Then it stays up for you to try
things, until Ctrl-C.

With --once it compares both answers with what the services say, and ends: with
0 if they are right, with 1 if not.

Run it by ` + "`make demo`" + `, which builds what it needs.`,
		Example: `  make demo
  make demo ONCE=1
  tutti demo --services bin/services --policies e2e/policies/shop.yaml`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&c.Services, "services", "bin/services", "binary of the sample services, a `FILE`")
	f.StringVar(&c.Policies, "policies", "e2e/policies/shop.yaml", "policy `FILE` to begin with")
	f.BoolVar(&c.Once, "once", false, "check both answers and end")
	module := addModule(cmd)
	find := addEnvoy(cmd)
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) (err error) {
		if c.Wasm, err = wasmModule(*module); err != nil {
			return err
		}
		c.PlanVersions, c.Version, c.Self, c.Out = planVersions, version(), os.Args[0], cmd.OutOrStdout()
		c.Envoy = envoy.Finder{Path: find.path, Version: find.version, Progress: cmd.ErrOrStderr()}
		c.Status = func(ctx context.Context, server string) (controlplane.Status, error) {
			_, st, err := statusClient{server}.get(ctx)
			return st, err
		}
		return demo.Run(cmd.Context(), c)
	})
	return cmd
}
