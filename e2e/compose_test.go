package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// compose is docker-compose.yaml, as a user runs it, with other ports.
type compose struct {
	*processes // ports, the policies' folder and its place; it starts nothing
	command    []string
	env        []string
}

// project keeps what is started here apart from what a user has up.
const project = "tutti-e2e"

// newCompose builds the images and brings everything up; the test's end takes
// it down.
func newCompose(t *testing.T, b binaries) environment {
	t.Helper()
	p := &processes{binaries: b, dir: t.TempDir(), ports: map[string]int{}}
	if err := p.takePorts(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(p.policiesDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	c := &compose{processes: p, command: composeCommand(t), env: append(os.Environ(), "TUTTI_POLICIES="+p.policiesDir())}
	for name, port := range p.ports {
		variable := strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name))
		c.env = append(c.env, "TUTTI_"+variable+"_PORT="+strconv.Itoa(port))
	}
	t.Cleanup(func() {
		if _, err := c.run(context.Background(), "down", "--volumes", "--remove-orphans", "--timeout", "5"); err != nil {
			t.Error(err)
		}
	})
	// What an aborted run left would keep its old configuration.
	for _, args := range [][]string{{"down", "--volumes", "--remove-orphans", "--timeout", "5"}, {"build"}, {"up", "--detach"}} {
		if _, err := c.run(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// composeCommand is the plugin of Docker where it is there, else the program.
func composeCommand(t *testing.T) []string {
	t.Helper()
	if exec.Command("docker", "compose", "version").Run() == nil {
		return []string{"docker", "compose"}
	}
	if _, err := exec.LookPath("docker-compose"); err != nil {
		t.Fatal("neither `docker compose` nor docker-compose is here; .ci/run installs it")
	}
	return []string{"docker-compose"}
}

func (c *compose) run(ctx context.Context, args ...string) (string, error) {
	full := append(append([]string{}, c.command[1:]...), "--project-name", project, "--file", "docker-compose.yaml")
	return c.output(ctx, c.command[0], append(full, args...)...)
}

func (c *compose) output(ctx context.Context, name string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = c.env, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, tail(stderr.String(), 30))
	}
	return strings.TrimSpace(stdout.String()), nil
}

// rewrite changes nothing: the names in policies are those of the network.
func (c *compose) rewrite(policy string) string { return policy }

func (c *compose) container(ctx context.Context, component string) (string, error) {
	return c.run(ctx, "ps", "--all", "--quiet", component)
}

func (c *compose) start(component string) error {
	id, err := c.container(context.Background(), component)
	if err == nil {
		_, err = c.output(context.Background(), "docker", "start", id)
	}
	return err
}

func (c *compose) signal(component string, kill bool) error {
	signal := "TERM"
	if kill {
		signal = "KILL"
	}
	id, err := c.container(context.Background(), component)
	if err == nil {
		_, err = c.output(context.Background(), "docker", "kill", "--signal", signal, id)
	}
	return err
}

func (c *compose) wait(ctx context.Context, component string) (int, error) {
	id, err := c.container(ctx, component)
	if err != nil {
		return 0, err
	}
	code, err := c.output(ctx, "docker", "wait", id)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(code)
}

func (c *compose) logs() string {
	text, err := c.run(context.Background(), "logs", "--no-color", "--tail", "25")
	if err != nil {
		return err.Error()
	}
	return text
}
