package envoy

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if string(got) == string(want) {
		return
	}
	has, wants := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(has), len(wants)) {
		if i >= len(has) || i >= len(wants) || has[i] != wants[i] {
			t.Errorf("%s:%d differs (go test -update writes it anew)\n got: %s\nwant: %s", path, i+1,
				strings.Join(has[min(i, len(has)):min(i+3, len(has))], "\n      "), strings.Join(wants[min(i, len(wants)):min(i+3, len(wants))], "\n      "))
			return
		}
	}
}

// supported are the versions that the README promises.
var supported = []string{"1.36.4", DefaultVersion}

// realEnvoy finds the Envoy of that version, or obtains it: a test that needs
// one fails without it and never passes by being skipped.
func realEnvoy(t *testing.T, version string) Binary {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	t.Setenv("TUTTI_ENVOY", "")
	t.Setenv("ENVOY", "")
	b, err := Finder{Version: version, Progress: os.Stderr}.Find(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
