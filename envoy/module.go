package envoy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// Module is a Wasm module on disk, where an Envoy can read it.
type Module struct {
	// Path is absolute: StageModule's folder and tutti-HASH.wasm.
	Path string
	// SHA256 is the hash of the whole file, in hex.
	SHA256 string
}

// wasmMagic begins every Wasm module, before its version number.
var wasmMagic = []byte("\x00asm")

// Hash is the SHA-256 of a module, in hex.
func Hash(wasm []byte) string {
	sum := sha256.Sum256(wasm)
	return hex.EncodeToString(sum[:])
}

// StageModule writes the module into dir under a name that carries its hash,
// so that two versions never share a path: Envoy reads the file again for
// every worker and on every new configuration.
func StageModule(dir string, wasm []byte) (Module, error) {
	if !bytes.HasPrefix(wasm, wasmMagic) {
		return Module{}, fmt.Errorf("not a Wasm module: it does not begin with \\0asm (%d bytes)", len(wasm))
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Module{}, fmt.Errorf("folder for the module: %w", err)
	}
	hash := Hash(wasm)
	m := Module{Path: filepath.Join(dir, "tutti-"+hash[:12]+".wasm"), SHA256: hash}
	// Another sidecar of the same machine may have staged it already; what is
	// there is compared, since the name has a part of the hash only.
	if old, err := os.ReadFile(m.Path); err == nil && bytes.Equal(old, wasm) {
		return m, nil
	}
	if err := writeFile(m.Path, bytes.NewReader(wasm), 0o644); err != nil {
		return Module{}, err
	}
	return m, nil
}
