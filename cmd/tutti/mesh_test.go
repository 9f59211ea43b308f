package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tutti-mesh/tutti/envoy"
)

// These tests run `tutti serve` and `tutti sidecar` with a real Envoy, for what
// e2e's specs do not look at: TLS, and how a sidecar ends.

// running is a command that goes on in the background.
type running struct {
	stop context.CancelFunc
	code chan int
	mu   sync.Mutex
	said bytes.Buffer // guarded by mu
}

func (r *running) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said.Write(p)
}

func (r *running) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said.String()
}

// background runs a command until the test ends.
func background(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r := &running{stop: stop, code: make(chan int, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.code <- runContext(ctx, args, r, r)
	}()
	t.Cleanup(func() {
		stop()
		<-done
		if t.Failed() {
			t.Logf("tutti %s:\n%s", strings.Join(args, " "), r.text())
		}
	})
	return r
}

// eventually polls; its limit only ends what would never come.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// ports returns free addresses on loopback.
func ports(t *testing.T, n int) []string {
	t.Helper()
	var addrs []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		addrs = append(addrs, l.Addr().String())
	}
	return addrs
}

// sidecarArgs is a sidecar without a service behind it. No policy, no VM: a
// module of eight bytes will do.
func sidecarArgs(t *testing.T, listen, xds, admin string) []string {
	t.Helper()
	b, err := envoy.Finder{Version: envoy.DefaultVersion, Progress: os.Stderr}.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	module := filepath.Join(t.TempDir(), "m.wasm")
	if err := os.WriteFile(module, []byte("\x00asm\x01\x00\x00\x00"), 0o644); err != nil {
		t.Fatal(err)
	}
	return []string{"sidecar", "--service", "storefront", "--listen", listen, "--app", "127.0.0.1:1", "--xds", xds,
		"--admin", admin, "--module", module, "--envoy", b.Path, "--concurrency", "1", "--drain-time", "0s"}
}

func ready(t *testing.T, admin string) {
	t.Helper()
	eventually(t, "the sidecar is ready", func() bool {
		code, _, _ := tutti(t, "probe", "http://"+admin+"/ready")
		return code == 0
	})
}

// A control plane with mutual TLS, by name and with a sidecar that is there
// first: it becomes ready when the control plane comes, and ends with 0.
func TestSidecarOverTLS(t *testing.T) {
	pki := newPKI(t)
	a := ports(t, 4)
	listen, xds, http, admin := a[0], a[1], a[2], a[3]
	_, port, err := net.SplitHostPort(xds)
	if err != nil {
		t.Fatal(err)
	}
	s := background(t, append(sidecarArgs(t, listen, "localhost:"+port, admin),
		"--xds-ca", pki.file("ca.pem"), "--xds-cert", pki.file("client.pem"), "--xds-key", pki.file("client-key.pem"))...)
	eventually(t, "Envoy answers", func() bool {
		_, _, errs := tutti(t, "probe", "http://"+admin+"/ready")
		return strings.Contains(errs, "INITIALIZING")
	})
	background(t, "serve", "--policies", t.TempDir(), "--xds-addr", xds, "--http-addr", http,
		"--tls-cert", pki.file("server.pem"), "--tls-key", pki.file("server-key.pem"), "--client-ca", pki.file("ca.pem"))
	ready(t, admin)
	code, out, errs := tutti(t, "status", "--server", "http://"+http, "--wait-synced")
	if code != 0 || !strings.Contains(out, "storefront") {
		t.Errorf("status: exit %d, %s%s", code, out, errs)
	}
	s.stop()
	if code := <-s.code; code != exitOK || !strings.Contains(s.text(), "drained") {
		t.Errorf("the sidecar ended with %d", code)
	}
}

// A sidecar without the certificate that the control plane asks for gets
// nothing, and does not call itself ready.
func TestSidecarWithoutItsCertificate(t *testing.T) {
	pki := newPKI(t)
	a := ports(t, 4)
	listen, xds, httpAddr, admin := a[0], a[1], a[2], a[3]
	background(t, "serve", "--policies", t.TempDir(), "--xds-addr", xds, "--http-addr", httpAddr,
		"--tls-cert", pki.file("server.pem"), "--tls-key", pki.file("server-key.pem"), "--client-ca", pki.file("ca.pem"))
	background(t, append(sidecarArgs(t, listen, xds, admin), "--xds-ca", pki.file("ca.pem"))...)
	eventually(t, "Envoy tried to connect and was refused", func() bool {
		resp, err := http.Get("http://" + admin + "/stats?filter=cluster.tutti_xds.upstream_cx_(connect_fail|destroy)$")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		var b bytes.Buffer
		if _, err := b.ReadFrom(resp.Body); err != nil {
			return false
		}
		return regexp.MustCompile(`: [1-9]`).MatchString(b.String())
	})
	if code, _, errs := tutti(t, "probe", "http://"+admin+"/ready"); code == 0 || !strings.Contains(errs, "INITIALIZING") {
		t.Errorf("it says that it is ready: %s", errs)
	}
}

func TestSidecarWhoseEnvoyDies(t *testing.T) {
	a := ports(t, 4)
	background(t, "serve", "--policies", t.TempDir(), "--xds-addr", a[1], "--http-addr", a[2])
	s := background(t, sidecarArgs(t, a[0], a[1], a[3])...)
	ready(t, a[3])
	m := regexp.MustCompile(`pid=(\d+)`).FindStringSubmatch(s.text())
	if m == nil {
		t.Fatalf("it does not say Envoy's pid: %s", s.text())
	}
	pid, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if code := <-s.code; code != exitFailure || !strings.Contains(s.text(), "ended: signal: killed; its last words:") {
		t.Errorf("it ended with %d", code)
	}
}

// pki is a CA with a certificate for a server on this machine and one for a
// client.
type pki struct{ dir string }

func (p pki) file(name string) string { return filepath.Join(p.dir, name) }

func newPKI(t *testing.T) pki {
	t.Helper()
	p := pki{t.TempDir()}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caKey := p.issue(t, "ca", ca, ca, nil)
	p.issue(t, "server", &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca, caKey)
	p.issue(t, "client", &x509.Certificate{SerialNumber: big.NewInt(3), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, ca, caKey)
	return p
}

// issue writes NAME.pem and NAME-key.pem; without a signer it signs itself.
func (p pki) issue(t *testing.T, name string, cert, parent *x509.Certificate, signer *ecdsa.PrivateKey) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if signer == nil {
		signer = key
	}
	cert.NotBefore, cert.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	cert.Subject.CommonName = name
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + "-key.pem": {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(p.file(file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return key
}
