package e2e

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var (
	envFlag   = flag.String("env", "process", "where specs are played: process or compose")
	envoyFlag = flag.String("envoy", "1.36.4,1.40.0", "versions of Envoy for -env process, or paths of binaries")
	binFlag   = flag.String("bin", "", "folder of tutti, services and tutti.wasm; built with make if not given")
)

// binaries are paths on this host.
type binaries struct{ tutti, services, module string }

// TestSpecs plays specs/*.yaml in the environments that the flags name.
func TestSpecs(t *testing.T) {
	specs, err := readSpecs()
	if err != nil {
		t.Fatal(err)
	}
	built := build(t)
	switch *envFlag {
	case "process":
		for _, version := range strings.Split(*envoyFlag, ",") {
			t.Run("envoy-"+filepath.Base(version), func(t *testing.T) {
				playAll(t, newProcesses(t, built, findEnvoy(t, built, version)), specs)
			})
		}
	case "compose":
		t.Run("compose", func(t *testing.T) { playAll(t, newCompose(t, built), specs) })
	default:
		t.Fatalf("-env %q is neither process nor compose", *envFlag)
	}
}

func playAll(t *testing.T, env environment, specs []Spec) {
	broken := false
	for _, spec := range specs {
		if spec.Env != "" && spec.Env != *envFlag {
			// Not a skip: the other environment plays it, in the same .ci/run.
			continue
		}
		if broken {
			t.Fatalf("%s and what follows is not played: what runs is not usable any more", spec.Name)
		}
		passed := t.Run(spec.Name, func(t *testing.T) { play(t, env, spec, &broken) })
		if !passed {
			t.Logf("after spec %s:\n%s", spec.Name, env.logs())
		}
	}
}

// build gives the binaries as `make` builds them: the module is inside tutti.
func build(t *testing.T) binaries {
	t.Helper()
	b, err := builtOnce()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var builtOnce = sync.OnceValues(func() (binaries, error) {
	dir := *binFlag
	if dir == "" {
		dir = "../bin"
		if output, err := exec.Command("make", "-C", "..", "--no-print-directory", "build").CombinedOutput(); err != nil {
			return binaries{}, fmt.Errorf("make build: %w\n%s", err, output)
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return binaries{}, err
	}
	b := binaries{
		tutti:    filepath.Join(dir, "tutti"),
		services: filepath.Join(dir, "services"),
		module:   filepath.Join(dir, "tutti.wasm"),
	}
	for _, path := range []string{b.tutti, b.services, b.module} {
		if _, err := os.Stat(path); err != nil {
			return binaries{}, fmt.Errorf("-bin: %w", err)
		}
	}
	return b, nil
})

// findEnvoy asks tutti, which obtains what is missing.
func findEnvoy(t *testing.T, b binaries, version string) string {
	t.Helper()
	if strings.Contains(version, "/") {
		return version
	}
	return strings.TrimSpace(command(t, b.tutti, "envoy", "--version", version))
}

// command runs and gives the standard output; it must succeed.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, stdout.String(), stderr.String()))
	}
	return stdout.String()
}
