package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tutti-mesh/tutti/controlplane"
	"github.com/tutti-mesh/tutti/envoy"
)

// envoyLevels are Envoy's log levels for those of ours.
var envoyLevels = map[string]string{"debug": "debug", "info": "warning", "warn": "warning", "error": "error"}

const sidecarHelp = `Runs an Envoy as a child process: it accepts requests at --listen, answers those
that a policy speaks of, and passes the rest on to the service at --app. All
configuration comes from the control plane at --xds, while traffic flows; when
it is away, the sidecar goes on with what it has. One that was started first
becomes ready when the control plane comes: GET /ready at --admin.

On SIGTERM it drains: health checks fail, answers ask clients to reconnect
elsewhere, and it ends when --drain-time is over and no request is open, or at
--drain-limit. A second SIGTERM ends it at once. If Envoy ends by itself, the
exit code is 1 and the last words of its log are printed: let what runs the
sidecar (Kubernetes, systemd, compose) restart it.

Arguments after -- are added to Envoy's command line.`

func newSidecar() *cobra.Command {
	var c envoy.SidecarConfig
	var log logFlags
	cmd := &cobra.Command{
		Use:     "sidecar",
		GroupID: groupRun,
		Short:   "Run an Envoy before a service",
		Long:    sidecarHelp,
		Example: `  tutti sidecar --service storefront --listen 0.0.0.0:8080 --app 127.0.0.1:9080
  tutti sidecar --service storefront --listen 0.0.0.0:8080 --app 127.0.0.1:9080 \
      --xds tutti.mesh:18000 --xds-ca ca.pem --xds-cert cert.pem --xds-key key.pem --edge`,
		Args: envoyArgs,
	}
	f := cmd.Flags()
	f.StringVar(&c.Sidecar.Service, "service", "", "`NAME` of the service, as targetRefs name it (required)")
	f.StringVar(&c.Sidecar.Listen, "listen", "", "`HOST:PORT` to accept requests at (required)")
	f.StringVar(&c.Sidecar.App, "app", "", "`HOST:PORT` of the service (required)")
	f.StringVar(&c.Sidecar.AppProtocol, "app-protocol", "http1", "`PROTOCOL` that the service speaks: http1 or http2")
	f.StringVar(&c.Sidecar.ID, "id", "", "`ID` of the sidecar, unique in the mesh; default: SERVICE-HOSTNAME-PORT")
	f.BoolVar(&c.Sidecar.Edge, "edge", false, "requests come from outside: remove headers that only sidecars may set")
	f.BoolVar(&c.Sidecar.AccessLog, "access-log", false, "log every request as a line of JSON on standard output, with policy, outcome and first failed step")
	addXDS(cmd, &c.XDS)
	f.StringVar(&c.Admin, "admin", "127.0.0.1:9901", "`HOST:PORT` of Envoy's admin interface, which can end it: keep it on loopback; port 0 takes a free one")
	f.StringVar(&c.StateDir, "state-dir", "", "`DIR` of its own for bootstrap and module; default: one that is removed in the end")
	f.IntVar(&c.Concurrency, "concurrency", envoy.DefaultConcurrency, "`N` worker threads of Envoy; each costs 3 to 4 MB")
	f.DurationVar(&c.DrainTime, "drain-time", envoy.DefaultDrainTime, "how long to go on accepting while clients learn that it ends")
	f.DurationVar(&c.DrainLimit, "drain-limit", envoy.DefaultDrainLimit, "when to end whatever is still going on")
	module := addModule(cmd)
	find := addEnvoy(cmd)
	log.add(cmd)
	for _, flag := range []string{"service", "listen", "app"} {
		mustRequire(cmd, flag)
	}
	cmd.RunE = does(func(cmd *cobra.Command, args []string) (err error) {
		c.Logger, err = log.logger(cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		if c.Wasm, err = wasmModule(*module); err != nil {
			return err
		}
		if c.Binary, err = find.find(cmd); err != nil {
			return err
		}
		c.Sidecar.PlanVersions, c.Sidecar.Version = planVersions, version()
		c.LogLevel, c.Args = envoyLevels[log.level], args
		c.Stdout, c.Stderr = cmd.OutOrStdout(), cmd.ErrOrStderr()
		return envoy.RunSidecar(cmd.Context(), c)
	})
	return cmd
}

// envoyArgs allows arguments after -- only.
func envoyArgs(cmd *cobra.Command, args []string) error {
	if before := len(args); before > 0 && cmd.ArgsLenAtDash() != 0 {
		return fmt.Errorf("unknown argument %q; arguments for Envoy come after --", args[0])
	}
	return nil
}

// addXDS adds the flags that say where the control plane is.
func addXDS(cmd *cobra.Command, x *envoy.XDS) {
	f := cmd.Flags()
	f.StringVar(&x.Address, "xds", controlplane.DefaultXDSAddr, "`HOST:PORT` of the control plane")
	f.StringVar(&x.CAFile, "xds-ca", "", "CA that verifies the control plane, a PEM `FILE`; default: no TLS")
	f.StringVar(&x.CertFile, "xds-cert", "", "certificate to show to it, a PEM `FILE`")
	f.StringVar(&x.KeyFile, "xds-key", "", "its key, a PEM `FILE`")
}
