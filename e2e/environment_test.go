package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// services are the sample shop's; each has a sidecar named NAME-sidecar.
var services = []string{"storefront", "catalog", "reviews", "inventory"}

// sidecarFlags are what docker-compose.yaml gives to these sidecars besides the
// addresses.
var sidecarFlags = map[string][]string{
	"storefront": {"--edge"},
	"reviews":    {"--app-protocol", "http2"},
}

const (
	controlPlane = "control-plane"
	// attached is the Envoy that is not Tutti's; it is not restarted by specs.
	attached = "attached"
	// gateway is the service that the attached Envoy says it stands for.
	gateway = "gateway"
)

// environment is where specs are played: everything runs, and what a spec
// stops it starts again.
type environment interface {
	// url is the base address of: a service's sidecar (its name), its Envoy
	// admin (NAME.admin), attached, attached.admin, or the control plane's HTTP.
	url(name string) (string, error)
	// policiesDir is the folder that the control plane watches.
	policiesDir() string
	// rewrite puts real addresses in a policy's text.
	rewrite(policy string) string
	// tutti is the binary on this host.
	tutti() string
	// start starts a component that is down; it does not wait until ready.
	start(component string) error
	// signal sends SIGTERM, or SIGKILL if kill is set. It does not wait.
	signal(component string, kill bool) error
	// wait returns the exit code of a component that was sent a signal.
	wait(ctx context.Context, component string) (int, error)
	// logs are the last lines of each component.
	logs() string
}

// poll bounds what specs wait for, and how often they look. It is generous:
// nothing is asserted about time, a limit only ends what would never come.
const (
	pollLimit = 60 * time.Second
	pollEvery = 25 * time.Millisecond
)

// eventually calls check until it returns nil; its last error if it never does.
func eventually(ctx context.Context, check func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, pollLimit)
	defer cancel()
	var last error
	for {
		if err := check(limited); err == nil {
			return nil
		} else if limited.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-limited.Done():
			return fmt.Errorf("not within %s: %w", pollLimit, last)
		case <-time.After(pollEvery):
		}
	}
}

// writeWhole replaces a file in dir at once, as editors and Kubernetes do: by a
// rename from beside the folder that is watched.
func writeWhole(dir, name, text string) error {
	tmp, err := os.CreateTemp(filepath.Dir(dir), "policy-")
	if err != nil {
		return err
	}
	_, err = tmp.WriteString(text)
	if errClose := tmp.Close(); err == nil {
		err = errClose
	}
	if err == nil {
		err = os.Chmod(tmp.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(dir, name))
	}
	return err
}

// tail gives the last n lines.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// checkComponent refuses what no environment can start or stop.
func checkComponent(component string) error {
	if component == controlPlane || component == attached {
		return nil
	}
	for _, service := range services {
		if component == service+"-sidecar" {
			return nil
		}
	}
	return fmt.Errorf("unknown component %q", component)
}
