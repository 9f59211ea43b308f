// Command tutti is the one binary of Tutti: the control plane, the sidecar and
// the tools. Each command is a file of this package; what it does is in
// controlplane and envoy, and here are flags and printing.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// The exit codes. Scripts rely on them.
const (
	exitOK      = 0
	exitFailure = 1 // a command ran and found something wrong, or could not do what it should
	exitUsage   = 2 // the command line cannot be understood
)

// run is main as a function. The first SIGINT or SIGTERM asks the command to
// end in good order; a second one ends it at once.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	defer stop()
	return runContext(ctx, args, stdout, stderr)
}

func runContext(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	var failed failure
	switch {
	case err == nil:
		return exitOK
	case !errors.As(err, &failed):
		fmt.Fprintf(stderr, "tutti: %v\nRun `%s --help` for usage.\n", err, cmd.CommandPath())
		return exitUsage
	case failed.err != nil:
		fmt.Fprintf(stderr, "tutti: %v\n", failed.err)
	}
	return exitFailure
}

// failure is an error of a command that ran, as opposed to one of its command
// line. A nil err has been printed already.
type failure struct{ err error }

func (f failure) Error() string {
	if f.err == nil {
		return "failed"
	}
	return f.err.Error()
}

func (f failure) Unwrap() error { return f.err }

// usageError is found by a command itself, such as flags that exclude another.
type usageError struct{ error }

// does wraps a command's work so that its errors end in exitFailure.
func does(work func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := work(cmd, args)
		var usage usageError
		if err == nil || errors.As(err, &usage) || errors.As(err, new(failure)) {
			return err
		}
		return failure{err}
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "tutti",
		Short: "Answer requests from several services inside the mesh",
		Long: `Tutti answers one request with what several services say, in the Envoy sidecar
that the request comes to: no gateway, no service of its own.

Policies (YAML) say which requests and how. ` + "`tutti serve`" + ` is the control plane: it
compiles them and pushes them to every sidecar while traffic flows. ` + "`tutti sidecar`" + `
runs an Envoy before a service; ` + "`tutti attach`" + ` prepares an Envoy that you have.`,
		Example: `  tutti demo                                  a whole mesh on this machine
  tutti check policies/                       are these policies right?
  tutti serve --policies policies/            the control plane
  tutti sidecar --service storefront --listen 0.0.0.0:8080 --app 127.0.0.1:9080
  tutti status                                who runs what`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveDefault)
	root.AddGroup(&cobra.Group{ID: groupRun, Title: "Run:"}, &cobra.Group{ID: groupLook, Title: "Look:"}, &cobra.Group{ID: groupOther, Title: "Other:"})
	root.SetHelpCommandGroupID(groupOther)
	root.SetCompletionCommandGroupID(groupOther)
	root.AddCommand(
		newDemo(), newServe(), newSidecar(), newAttach(),
		newCheck(), newPlan(), newStatus(),
		newEnvoy(), newProbe(), newVersion(),
	)
	return root
}

// The groups of commands in `tutti --help`.
const (
	groupRun   = "run"
	groupLook  = "look"
	groupOther = "other"
)
