package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// processes is the environment without Docker: everything on loopback, each
// with a port of its own.
type processes struct {
	binaries binaries
	envoy    string
	dir      string
	ports    map[string]int // by what listens: storefront, storefront.app, storefront.admin, xds, ...
	running  map[string]*process
}

// process is one child. Its end is noticed once, for whoever waits.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// newProcesses starts everything; the test's end stops it.
func newProcesses(t *testing.T, b binaries, envoy string) environment {
	t.Helper()
	dir := t.TempDir()
	p := &processes{binaries: b, envoy: envoy, dir: dir, ports: map[string]int{}, running: map[string]*process{}}
	if err := p.takePorts(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(p.policiesDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stopAll)
	for _, component := range p.components() {
		if err := p.start(component); err != nil {
			t.Fatalf("start %s: %v", component, err)
		}
	}
	return p
}

func (p *processes) components() []string {
	all := slices.Clone(services)
	all = append(all, controlPlane)
	for _, service := range services {
		all = append(all, service+"-sidecar")
	}
	return append(all, attached)
}

// takePorts finds free ports below those that the kernel gives to outgoing
// connections (32768 and up on Linux): a sidecar that was stopped finds its own
// again.
func (p *processes) takePorts() error {
	names := []string{"xds", controlPlane, attached, attached + ".admin"}
	for _, service := range services {
		names = append(names, service, service+".app", service+".admin")
	}
	const first, last = 20000, 32000
	// Two runs at once begin far from each other.
	port := first + os.Getpid()*101%(last-first)
	for range last - first {
		if len(names) == 0 {
			return nil
		}
		if port++; port == last {
			port = first
		}
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		listener.Close()
		p.ports[names[0]], names = port, names[1:]
	}
	return errors.New("no free ports")
}

func (p *processes) address(name string) string { return fmt.Sprintf("127.0.0.1:%d", p.ports[name]) }

func (p *processes) url(name string) (string, error) {
	if _, ok := p.ports[name]; !ok {
		return "", fmt.Errorf("nothing is called %q", name)
	}
	return "http://" + p.address(name), nil
}

func (p *processes) policiesDir() string { return filepath.Join(p.dir, "policies") }

func (p *processes) tutti() string { return p.binaries.tutti }

// rewrite gives the sidecars' addresses for their names in docker-compose.yaml.
func (p *processes) rewrite(policy string) string {
	for _, service := range services {
		policy = strings.ReplaceAll(policy, service+":8080", p.address(service))
	}
	return policy
}

// command is what a component runs.
func (p *processes) command(component string) ([]string, error) {
	service, isSidecar := strings.CutSuffix(component, "-sidecar")
	switch {
	case component == controlPlane:
		return []string{p.binaries.tutti, "serve", "--policies", p.policiesDir(),
			"--xds-addr", p.address("xds"), "--http-addr", p.address(controlPlane)}, nil
	case component == attached:
		config, err := p.attachedConfig()
		return []string{p.envoy, "-c", config, "--concurrency", "1", "--use-dynamic-base-id"}, err
	case isSidecar:
		args := []string{p.binaries.tutti, "sidecar", "--service", service,
			"--listen", p.address(service), "--app", p.address(service + ".app"),
			"--xds", p.address("xds"), "--admin", p.address(service + ".admin"),
			"--envoy", p.envoy, "--state-dir", filepath.Join(p.dir, component)}
		return append(args, sidecarFlags[service]...), nil
	default:
		return []string{p.binaries.services, "--name", component, "--listen", p.address(component + ".app"), "--h2c"}, nil
	}
}

// attachedConfig writes the attached Envoy's configuration with this
// environment's addresses and gives its path.
func (p *processes) attachedConfig() (string, error) {
	text, err := os.ReadFile("attached/envoy.yaml")
	if err != nil {
		return "", err
	}
	config := string(text)
	socket := func(host string, port int) string { return fmt.Sprintf("address: %s, port_value: %d", host, port) }
	for from, to := range map[string]string{
		socket("0.0.0.0", 8080):                       socket("127.0.0.1", p.ports[attached]),
		socket("0.0.0.0", 9901):                       socket("127.0.0.1", p.ports[attached+".admin"]),
		`address: "control-plane", port_value: 18000`: socket("127.0.0.1", p.ports["xds"]),
		socket("storefront", 8080):                    socket("127.0.0.1", p.ports["storefront"]),
		socket("catalog", 8080):                       socket("127.0.0.1", p.ports["catalog"]),
		socket("inventory", 8080):                     socket("127.0.0.1", p.ports["inventory"]),
		attachedModule:                                p.binaries.module,
	} {
		if !strings.Contains(config, from) {
			return "", fmt.Errorf("attached/envoy.yaml lacks %q", from)
		}
		config = strings.ReplaceAll(config, from, to)
	}
	path := filepath.Join(p.dir, "attached.yaml")
	return path, os.WriteFile(path, []byte(config), 0o644)
}

func (p *processes) start(component string) error {
	if old := p.running[component]; old != nil && !old.hasEnded() {
		return errors.New("it runs already")
	}
	args, err := p.command(component)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(p.logFile(component), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	// A test that is killed leaves nothing behind.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	child := &process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		cmd.Wait()
		close(child.ended)
	}()
	p.running[component] = child
	return nil
}

func (c *process) hasEnded() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

func (p *processes) signal(component string, kill bool) error {
	child := p.running[component]
	if child == nil || child.hasEnded() {
		return errors.New("it does not run")
	}
	if kill {
		return child.cmd.Process.Signal(syscall.SIGKILL)
	}
	return child.cmd.Process.Signal(syscall.SIGTERM)
}

func (p *processes) wait(ctx context.Context, component string) (int, error) {
	child := p.running[component]
	if child == nil {
		return 0, errors.New("it never ran")
	}
	select {
	case <-child.ended:
		return child.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("it does not end: %w", ctx.Err())
	}
}

func (p *processes) stopAll() {
	for _, child := range p.running {
		child.cmd.Process.Signal(syscall.SIGKILL)
	}
	for _, child := range p.running {
		<-child.ended
	}
}

func (p *processes) logFile(component string) string {
	return filepath.Join(p.dir, component+".log")
}

func (p *processes) logs() string {
	var all strings.Builder
	for _, component := range p.components() {
		text, err := os.ReadFile(p.logFile(component))
		if err != nil {
			text = []byte(err.Error())
		}
		fmt.Fprintf(&all, "--- %s\n%s\n", component, tail(string(text), 25))
	}
	return all.String()
}
