package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tutti-mesh/tutti/controlplane/compile"
	"github.com/tutti-mesh/tutti/controlplane/mesh"
	"github.com/tutti-mesh/tutti/controlplane/policy"
	"github.com/tutti-mesh/tutti/controlplane/publish"
	"github.com/tutti-mesh/tutti/filter/plan"
)

func newPlan() *cobra.Command {
	var w mesh.Workload
	cmd := &cobra.Command{
		Use:     "plan FILE|DIR...",
		GroupID: groupLook,
		Short:   "Show what the sidecars of a service would run",
		Long: `Compiles policies and shows the plan that the control plane would send to the
sidecars of one service: its policies in order of precedence, what each answers,
which clusters it calls. With -o json it is the plan itself, as the filter reads
it and as an Envoy's /config_dump shows it. The hash is that of ` + "`tutti status`" + `.

Problems go to stderr; policies with an error are left out, and then the exit
code is 1.`,
		Example: `  tutti plan --service storefront policies/
  tutti plan --service gateway --attached -o json policies/`,
		Args: cobra.MinimumNArgs(1),
	}
	out := addOutput(cmd)
	cmd.Flags().StringVar(&w.Service, "service", "", "`NAME` of the service, as targetRefs name it (required)")
	cmd.Flags().BoolVar(&w.Attached, "attached", false, "for an Envoy that is not Tutti's (`tutti attach`)")
	mustRequire(cmd, "service")
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		files, err := readPolicies(cmd.Context(), args, cmd.InOrStdin())
		if err != nil {
			return err
		}
		set, _ := policy.Parse(files)
		result := compile.Compile(compile.Input{Policies: set, Workloads: []mesh.Workload{w}})
		if err := (policy.Renderer{}).Render(cmd.ErrOrStderr(), result.Problems); err != nil {
			return err
		}
		if err := printPlan(cmd.OutOrStdout(), *out, result.Workloads[w].Plan, services(set)); err != nil {
			return err
		}
		if slices.ContainsFunc(result.Problems, func(p policy.Problem) bool { return p.Severity == policy.Error }) {
			return failure{}
		}
		return nil
	})
	return cmd
}

// services are those that some policy targets.
func services(set policy.Set) []string {
	var names []string
	for _, w := range compile.Targets(set) {
		names = append(names, w.Service)
	}
	return names
}

func printPlan(w io.Writer, out output, p *plan.Plan, services []string) error {
	if out == asJSON {
		var b bytes.Buffer
		if err := json.Indent(&b, plan.Encode(p), "", "  "); err != nil {
			return fmt.Errorf("the plan is no JSON: %w", err)
		}
		b.WriteByte('\n')
		_, err := w.Write(b.Bytes())
		return err
	}
	if len(p.Policies) == 0 {
		_, err := fmt.Fprintf(w, "no policy for %s; services with policies: %s\n", p.Service, orNone(strings.Join(services, ", ")))
		return err
	}
	fmt.Fprintf(w, "plan %s, version %d, %s for %s\n", publish.Hash(p), plan.Version, countPolicies(len(p.Policies)), p.Service)
	for i := range p.Policies {
		if err := printPolicy(w, &p.Policies[i]); err != nil {
			return err
		}
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func countPolicies(n int) string {
	if n == 1 {
		return "1 policy"
	}
	return fmt.Sprintf("%d policies", n)
}

func printPolicy(w io.Writer, p *plan.Policy) error {
	fmt.Fprintf(w, "\n%s: %s, within %s\n", p.Name, describeMatch(&p.Match), milliseconds(p.TimeoutMS))
	rows := [][]string{{"  STEP", "REQUEST", "CLUSTER", "TIMEOUT", "ON ERROR", "AFTER"}}
	for i := range p.Steps {
		s := &p.Steps[i]
		var after []string
		for _, j := range s.After {
			after = append(after, p.Steps[j].Name)
		}
		rows = append(rows, []string{
			"  " + s.Name, s.Method + " " + describeText(s.Path), s.Cluster, milliseconds(s.TimeoutMS), describeOnError(s.OnError), strings.Join(after, ", "),
		})
	}
	return table(w, rows)
}

func milliseconds(n uint32) string { return (time.Duration(n) * time.Millisecond).String() }

// describeMatch writes a match as a policy has it: GET /products/{id}.
func describeMatch(m *plan.Match) string {
	var b strings.Builder
	if len(m.Methods) == 0 {
		b.WriteString("any method")
	}
	b.WriteString(strings.Join(m.Methods, "|") + " ")
	for _, s := range m.Path {
		switch {
		case s.Param == "":
			b.WriteString("/" + s.Literal)
		case s.Tail:
			b.WriteString("/{" + s.Param + "=**}")
		default:
			b.WriteString("/{" + s.Param + "}")
		}
	}
	if len(m.Path) == 0 {
		b.WriteString("/")
	}
	for _, h := range m.Headers {
		if h.Present {
			b.WriteString(", with " + h.Name)
		} else {
			b.WriteString(", with " + h.Name + ": " + h.Value)
		}
	}
	return b.String()
}

// describeText writes holes as a policy has them.
func describeText(t plan.Text) string {
	var b strings.Builder
	for _, part := range t {
		if part.Expr == nil {
			b.WriteString(part.Lit)
		} else {
			b.WriteString("${" + part.Expr.Source() + "}")
		}
	}
	return b.String()
}

func describeOnError(o plan.OnError) string {
	switch o {
	case plan.Omit:
		return "omit"
	case plan.Fallback:
		return "fallback"
	}
	return "fail"
}
