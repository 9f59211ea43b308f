package main

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/tutti-mesh/tutti/controlplane"
)

func newServe() *cobra.Command {
	var cfg controlplane.Config
	var log logFlags
	cmd := &cobra.Command{
		Use:     "serve",
		GroupID: groupRun,
		Short:   "Run the control plane over a folder of policies",
		Long: `Watches a folder of policies (*.yaml, *.yml), compiles them and pushes to each
sidecar what it needs, and nothing else, by delta xDS over gRPC. A policy with a
problem is left out, or its last good version stays; its neighbours are served.

Sidecars connect to --xds-addr. --http-addr answers /healthz, /readyz, /metrics
(Prometheus) and /v1/status, which ` + "`tutti status`" + ` shows. Both listen on loopback,
unless TLS is configured or --insecure says that the network is trusted.

On SIGTERM it stops; sidecars keep what they have and reconnect.`,
		Example: `  tutti serve --policies policies/
  tutti serve --policies /etc/tutti --xds-addr 0.0.0.0:18000 \
      --tls-cert server.pem --tls-key server-key.pem --client-ca mesh-ca.pem`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&cfg.PoliciesDir, "policies", "", "`DIR` of the policies (required)")
	f.StringVar(&cfg.StateDir, "state-dir", "", "`DIR` to keep the last good version of each policy over a restart; default: only in memory")
	f.StringVar(&cfg.XDSAddr, "xds-addr", controlplane.DefaultXDSAddr, "`HOST:PORT` for sidecars")
	f.StringVar(&cfg.HTTPAddr, "http-addr", controlplane.DefaultHTTPAddr, "`HOST:PORT` for health, metrics and status")
	f.StringVar(&cfg.TLS.CertFile, "tls-cert", "", "certificate of the xDS port, a PEM `FILE`")
	f.StringVar(&cfg.TLS.KeyFile, "tls-key", "", "its key, a PEM `FILE`")
	f.StringVar(&cfg.TLS.ClientCAFile, "client-ca", "", "CA that sidecars must have a certificate of, a PEM `FILE`")
	f.BoolVar(&cfg.Insecure, "insecure", false, "allow other addresses than loopback without TLS")
	log.add(cmd)
	mustRequire(cmd, "policies")
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		logger, err := log.logger(cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		cfg.Logger, cfg.Version = logger, version()
		return controlplane.Run(cmd.Context(), cfg)
	})
	return cmd
}

// mustRequire marks a flag that the command has as required.
func mustRequire(cmd *cobra.Command, flag string) {
	if err := cmd.MarkFlagRequired(flag); err != nil {
		panic(err) // only for a flag that is not there
	}
}

// logFlags are --log-format and --log-level.
type logFlags struct{ format, level string }

func (l *logFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.format, "log-format", "text", "`FORMAT` of the log on stderr: text or json")
	cmd.Flags().StringVar(&l.level, "log-level", "info", "`LEVEL` of the log: debug, info, warn or error")
}

func (l logFlags) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.level)); err != nil {
		return nil, usageError{fmt.Errorf("--log-level %q: want debug, info, warn or error", l.level)}
	}
	opts := &slog.HandlerOptions{Level: level}
	switch l.format {
	case "text":
		return slog.New(slog.NewTextHandler(w, opts)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return nil, usageError{fmt.Errorf("--log-format %q: want text or json", l.format)}
}
