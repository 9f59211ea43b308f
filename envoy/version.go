package envoy

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// DefaultVersion is the Envoy that is obtained when none is there, and the
// newest that is tested.
const DefaultVersion = "1.40.0"

// Oldest is the oldest Envoy that is supported. Earlier ones lack imports that
// the module needs or settings that the resources use.
var Oldest = Version{Major: 1, Minor: 36}

// Version is an Envoy release, such as 1.40.0 or 1.36.2-dev.
type Version struct {
	Major, Minor, Patch int
	// Suffix is what follows the patch number, with its dash: "-dev".
	Suffix string
}

func (v Version) String() string {
	return fmt.Sprintf("%d.%d.%d%s", v.Major, v.Minor, v.Patch, v.Suffix)
}

// Compare orders by the three numbers; a suffix does not count.
func (v Version) Compare(w Version) int {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor), cmp.Compare(v.Patch, w.Patch))
}

// Supported returns an error that says what to do if v is older than Oldest.
func (v Version) Supported() error {
	if v.Compare(Oldest) < 0 {
		return fmt.Errorf("Envoy %s is older than %d.%d, the oldest that Tutti supports: use %s", v, Oldest.Major, Oldest.Minor, DefaultVersion)
	}
	return nil
}

var versionPattern = regexp.MustCompile(`^([0-9]+)\.([0-9]+)\.([0-9]+)(-[0-9A-Za-z.-]+)?$`)

// ParseVersion reads "1.40.0", with or without a leading "v".
func ParseVersion(s string) (Version, error) {
	m := versionPattern.FindStringSubmatch(strings.TrimPrefix(s, "v"))
	if m == nil {
		return Version{}, fmt.Errorf("%q is not an Envoy version: it looks like %s", s, DefaultVersion)
	}
	var n [3]int
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(m[i+1]); err != nil {
			return Version{}, fmt.Errorf("%q is not an Envoy version: %w", s, err)
		}
	}
	return Version{Major: n[0], Minor: n[1], Patch: n[2], Suffix: m[4]}, nil
}

// parseBuild finds the version in what `envoy --version` and the admin's
// /server_info say: SHA/1.40.0/Clean/RELEASE/BoringSSL.
func parseBuild(s string) (Version, error) {
	for part := range strings.SplitSeq(s, "/") {
		if v, err := ParseVersion(strings.TrimSpace(part)); err == nil {
			return v, nil
		}
	}
	return Version{}, fmt.Errorf("no version in %q: expected what `envoy --version` prints, SHA/1.40.0/Clean/...", strings.TrimSpace(s))
}

// versionTimeout bounds `envoy --version`, which takes some 50 ms.
const versionTimeout = 20 * time.Second

// versionOf asks the binary at path.
func versionOf(ctx context.Context, path string) (Version, error) {
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").CombinedOutput()
	if err != nil {
		return Version{}, fmt.Errorf("%s --version: %w%s", path, err, lastLines(out, 3))
	}
	v, err := parseBuild(string(out))
	if err != nil {
		return Version{}, fmt.Errorf("%s is no Envoy: %w", path, err)
	}
	return v, nil
}

// lastLines renders the end of a program's output for an error, indented
// below it; empty if there was none.
func lastLines(out []byte, n int) string {
	text := strings.TrimSpace(string(out))
	if text == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	lines = lines[max(0, len(lines)-n):]
	return "\n    " + strings.Join(lines, "\n    ")
}
