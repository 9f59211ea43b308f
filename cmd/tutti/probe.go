package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newProbe() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:     "probe URL",
		GroupID: groupOther,
		Short:   "Ask a URL and say by the exit code whether it is well",
		Long: `Sends one GET request. The exit code is 0 if the answer has a status from 200 to
299, and 1 otherwise. For health checks of containers that have no shell and no
curl.`,
		Example: `  tutti probe http://127.0.0.1:9901/ready        a sidecar's Envoy
  tutti probe http://127.0.0.1:18001/readyz      the control plane`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 2*time.Second, "longest wait for the answer")
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		req, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, args[0], nil)
		if err != nil {
			return usageError{err}
		}
		resp, err := (&http.Client{Timeout: timeout}).Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode/100 == 2 {
			return nil
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, 200))
		if err != nil {
			return err
		}
		return fmt.Errorf("%s: status %d: %s", args[0], resp.StatusCode, strings.TrimSpace(string(body)))
	})
	return cmd
}
