package envoy

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestStageModule(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	wasm := []byte("\x00asm\x01\x00\x00\x00 one")
	m, err := StageModule(dir, wasm)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "tutti-"+m.SHA256[:12]+".wasm"); m.Path != want {
		t.Errorf("path %s, want %s", m.Path, want)
	}
	info, err := os.Stat(m.Path)
	if err != nil {
		t.Fatal(err)
	}
	// Envoy may run as another user.
	if info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v", info.Mode())
	}
	if err := os.WriteFile(m.Path, []byte("\x00asm damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := StageModule(dir, wasm)
	if err != nil || again != m {
		t.Errorf("again: %+v, %v", again, err)
	}
	if got, err := os.ReadFile(m.Path); err != nil || !bytes.Equal(got, wasm) {
		t.Errorf("a damaged file was not replaced: %q, %v", got, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".new-*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := StageModule(dir, []byte("ELF")); err == nil {
		t.Error("staged something that is not Wasm")
	}
}
