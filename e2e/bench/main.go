package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	rounds   int
	duration time.Duration // of a cell with many connections; half of it with one
	only     *regexp.Regexp
	output   string
	envoy    string // empty: the one that `tutti sidecar` finds
	tutti    string
	fortio   string
	quick    bool
	long     bool
	verbose  bool
}

func main() {
	if len(os.Args) > 1 {
		// The same binary is every process that is not under test.
		switch os.Args[1] {
		case "upstream":
			fatal(runUpstream(os.Stdout))
		case "aggregator":
			fatal(runAggregator(os.Stdout, os.Args[2:]))
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

// run returns the exit code: 0, 1 for a failure, 2 for wrong use.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseFlags(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 2
	}
	b, err := newBench(ctx, o, stderr)
	if err == nil {
		defer b.stop()
		err = b.measure()
		b.report.finish()
		write := b.report.text
		if o.output == "json" {
			write = b.report.json
		}
		// What was measured before a failure is worth showing too.
		if werr := write(stdout); err == nil {
			err = werr
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	if len(b.report.Failures) > 0 {
		fmt.Fprintf(stderr, "bench: %d measurements had failed requests or wrong answers; they are listed above\n", len(b.report.Failures))
		return 1
	}
	return 0
}

func parseFlags(args []string, stderr io.Writer) (options, error) {
	var o options
	only := ""
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&o.rounds, "rounds", 3, "how often each cell is measured")
	f.DurationVar(&o.duration, "duration", 2*time.Second, "of one cell with many connections; half of it with one")
	f.StringVar(&only, "only", "", "`regexp` of what to measure, such as ^(floor|tutti)/1k/32 or memory/pushes: SUBJECT/SIZE/CONNECTIONS, memory/PART")
	f.StringVar(&o.output, "o", "text", "text or json")
	f.StringVar(&o.envoy, "envoy", "", "`path` of Envoy; default: the one that `tutti sidecar` finds")
	f.StringVar(&o.tutti, "tutti", "bin/tutti", "`path` of the binary under test")
	f.StringVar(&o.fortio, "fortio", ".cache/bin/fortio", "`path` of fortio")
	f.BoolVar(&o.quick, "quick", false, "one short round and a short memory part: does it run, not how fast is it")
	f.BoolVar(&o.long, "long", false, "memory over a million requests")
	f.BoolVar(&o.verbose, "v", false, "print every measurement as it comes")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.quick {
		o.rounds, o.duration = 1, 300*time.Millisecond
	}
	var err error
	o.only, err = regexp.Compile(only)
	switch {
	case err != nil:
		return o, fmt.Errorf("-only: %w", err)
	case f.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	case o.output != "text" && o.output != "json":
		return o, fmt.Errorf("-o: %q is neither text nor json", o.output)
	case o.rounds < 1 || o.duration < 100*time.Millisecond:
		return o, errors.New("-rounds must be at least 1, -duration at least 100ms")
	}
	return o, nil
}
