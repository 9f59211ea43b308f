//go:build armbe || arm64be || mips || mips64 || ppc64 || s390x || sparc64

package jsontext

// The words of word.go are little-endian. Refusing to build is better than
// refusing valid JSON.
var _ = jsontextNeedsALittleEndianMachine
