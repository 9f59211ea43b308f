package envoy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tutti-mesh/tutti/controlplane/mesh"
)

func sidecar() mesh.Sidecar {
	return mesh.Sidecar{
		ID: "storefront-1", Service: "storefront", Listen: "0.0.0.0:15006", App: "127.0.0.1:8080",
		PlanVersions: []int{1}, ModulePath: "/var/lib/tutti/tutti-0123456789ab.wasm", ModuleSHA256: "0123456789ab", Version: "v0.1.0",
	}
}

var bootstraps = map[string]BootstrapConfig{
	"plain": {Sidecar: sidecar(), XDS: XDS{Address: "127.0.0.1:18000"}, Admin: "127.0.0.1:0"},
	"mtls": {
		Sidecar: sidecar(),
		XDS:     XDS{Address: "control.tutti.svc:18000", CAFile: "/etc/tutti/ca.pem", CertFile: "/etc/tutti/cert.pem", KeyFile: "/etc/tutti/key.pem"},
		Admin:   "127.0.0.1:9901",
	},
}

func TestBootstrap(t *testing.T) {
	for name, c := range bootstraps {
		got, err := Bootstrap(c)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "bootstrap-"+name+".json", got)
	}
}

func TestBootstrapRefuses(t *testing.T) {
	for want, change := range map[string]func(*BootstrapConfig){
		"an id and a service":         func(c *BootstrapConfig) { c.Sidecar.Service = "" },
		"is not host:port":            func(c *BootstrapConfig) { c.XDS.Address = "control" },
		"admin":                       func(c *BootstrapConfig) { c.Admin = ":9901" },
		"a certificate needs its key": func(c *BootstrapConfig) { c.XDS.CAFile, c.XDS.CertFile = "ca", "cert" },
		"needs the CA":                func(c *BootstrapConfig) { c.XDS.CertFile, c.XDS.KeyFile = "cert", "key" },
	} {
		c := bootstraps["plain"]
		change(&c)
		if _, err := Bootstrap(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

// Envoy itself is the judge of a bootstrap: unknown fields, wrong types,
// extensions that a version lacks.
func TestEnvoyAcceptsBootstrap(t *testing.T) {
	for _, version := range supported {
		for name, c := range bootstraps {
			t.Run(version+"/"+name, func(t *testing.T) {
				raw, err := Bootstrap(c)
				if err != nil {
					t.Fatal(err)
				}
				validate(t, version, strings.ReplaceAll(string(raw), "/etc/tutti", certificates(t)))
			})
		}
	}
}

// certificates returns a folder with ca.pem, cert.pem and key.pem.
func certificates(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{
		"ca.pem":   {Type: "CERTIFICATE", Bytes: cert},
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// validate lets Envoy check a configuration, and then refuses what it only
// warns about: deprecated and unknown fields.
func validate(t *testing.T, version, config string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "envoy.yaml")
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(realEnvoy(t, version).Path, "--mode", "validate", "--log-level", "warning", "-c", path).CombinedOutput()
	if err != nil {
		t.Fatalf("Envoy %s refuses it: %v\n%s\n%s", version, err, out, config)
	}
	if strings.Contains(string(out), "eprecated") {
		t.Errorf("Envoy %s: %s", version, out)
	}
}

func TestStatTags(t *testing.T) {
	for stat, want := range map[string]string{
		"wasmcustom.tutti.requests.product-page.ok":           "wasmcustom.tutti.requests policy=product-page outcome=ok",
		"wasmcustom.tutti.steps.product-page.stock_2.timeout": "wasmcustom.tutti.steps policy=product-page step=stock_2 reason=timeout",
		"wasmcustom.tutti.request_ms.product-page":            "wasmcustom.tutti.request_ms policy=product-page",
		"wasmcustom.tutti.answer_bytes.p":                     "wasmcustom.tutti.answer_bytes policy=p",
		"wasmcustom.tutti.streams":                            "wasmcustom.tutti.streams",
		"wasmcustom.other.requests.a.b":                       "wasmcustom.other.requests.a.b",
	} {
		if got := tagged(stat); got != want {
			t.Errorf("%s: got %q, want %q", stat, got, want)
		}
	}
}

// tagged does what Envoy does: every pattern looks at the whole name.
func tagged(stat string) string {
	name, tags := stat, ""
	for _, st := range statTags {
		if m := regexp.MustCompile(st.pattern).FindStringSubmatch(stat); m != nil {
			name = strings.Replace(name, m[1], "", 1)
			tags += " " + st.tag + "=" + m[2]
		}
	}
	return name + tags
}
