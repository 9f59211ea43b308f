package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tutti-mesh/tutti/controlplane/compile"
	"github.com/tutti-mesh/tutti/controlplane/policy"
)

func newCheck() *cobra.Command {
	var strict bool
	cmd := &cobra.Command{
		Use:     "check FILE|DIR...",
		GroupID: groupLook,
		Short:   "Say what is wrong with policies, without a control plane",
		Long: `Reads and compiles policies as the control plane would, and prints every problem
with its place, its code and a hint; on a terminal, with the line that it is in.
Nothing is contacted: for editors, and for CI before policies are merged.

The exit code is 1 if there is an error, or with --strict a warning. All files
that belong together must be named: a policy may name an Upstream of another.`,
		Example: `  tutti check policies/
  tutti check -o json policies/shop.yaml
  helm template . | tutti check -`,
		Args: cobra.MinimumNArgs(1),
	}
	out := addOutput(cmd)
	cmd.Flags().BoolVar(&strict, "strict", false, "let warnings count as errors")
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		set, result, err := compileFiles(cmd, args)
		if err != nil {
			return err
		}
		if err := printProblems(cmd, *out, set, result.Problems); err != nil {
			return err
		}
		if slices.ContainsFunc(result.Problems, func(p policy.Problem) bool { return strict || p.Severity == policy.Error }) {
			return failure{}
		}
		return nil
	})
	return cmd
}

// compileFiles is what check and plan begin with.
func compileFiles(cmd *cobra.Command, paths []string) (policy.Set, compile.Result, error) {
	files, err := readPolicies(cmd.Context(), paths, cmd.InOrStdin())
	if err != nil {
		return policy.Set{}, compile.Result{}, err
	}
	set, _ := policy.Parse(files)
	return set, compile.Compile(compile.Input{Policies: set}), nil
}

func printProblems(cmd *cobra.Command, out output, set policy.Set, problems []policy.Problem) error {
	w := cmd.OutOrStdout()
	if out == asJSON {
		_, err := w.Write(policy.EncodeProblems(problems))
		return err
	}
	r := policy.Renderer{}
	if isTerminal(w) {
		r.Source = set.Source
	}
	if err := r.Render(w, problems); err != nil {
		return err
	}
	errors := 0
	for _, p := range problems {
		if p.Severity == policy.Error {
			errors++
		}
	}
	_, err := fmt.Fprintf(cmd.ErrOrStderr(), "%s, %s: %s, %s\n",
		count(len(set.Aggregations), "aggregation"), count(len(set.Upstreams), "upstream"),
		count(errors, "error"), count(len(problems)-errors, "warning"))
	return err
}

// count is "1 error" or "2 errors".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
