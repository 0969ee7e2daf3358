package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	for _, tc := range []struct {
		name         string
		args         []string
		code         int
		stdout, errs string // parts of them
	}{
		{"nothing", nil, exitUsage, "", "usage: lanyard VERB"},
		{"help", []string{"--help"}, 0, "lanyard serve --listen", ""},
		{"help of a verb", []string{"help", "serve"}, 0, "--data-dir", ""},
		{"help of shutdown", []string{"shutdown", "-h"}, 0, "--server", ""},
		{"version", []string{"version"}, 0, "lanyard " + release, ""},
		{"version as a flag", []string{"--version"}, 0, release, ""},
		{"mistyped", []string{"serv"}, exitUsage, "", `did you mean "lanyard serve"?`},
		{"unknown", []string{"xylophone"}, exitUsage, "", `"lanyard help" lists them`},
		{"bad setting", []string{"serve", "--listen", "x"}, exitUsage, "", `--listen "x"`},
		{"bad server", []string{"shutdown", "--server", "localhost"}, exitUsage, "", "not a URL"},
		{"no server", []string{"shutdown", "--server", "http://127.0.0.1:1"}, exitFailed, "", "cannot reach the server at http://127.0.0.1:1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(tc.args, &stdout, &stderr); code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			if !strings.Contains(stdout.String(), tc.stdout) || tc.stdout == "" && stdout.Len() > 0 {
				t.Errorf("stdout = %q, want %q in it", &stdout, tc.stdout)
			}
			if !strings.Contains(stderr.String(), tc.errs) || tc.errs == "" && stderr.Len() > 0 {
				t.Errorf("stderr = %q, want %q in it", &stderr, tc.errs)
			}
		})
	}
}

func TestListenNeedsAUser(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:0"} {
		if l, err := listen(config{listen: address}); err == nil || !strings.Contains(err.Error(), "--user") {
			t.Errorf("listen(%s) = %v, %v, want an error that says what to do", address, l, err)
		}
	}
	for _, c := range []config{{listen: "127.0.0.1:0"}, {listen: "localhost:0"}, {listen: "127.9.9.9:0"}} {
		l, err := listen(c)
		if err != nil {
			t.Errorf("listen(%s) = %v", c.listen, err)
			continue
		}
		if _, err := listen(config{listen: l.Addr().String()}); err == nil || !strings.Contains(err.Error(), "another program") {
			t.Errorf("listen on a port in use = %v", err)
		}
		l.Close()
	}
	if _, err := listen(config{listen: "192.0.2.1:0", user: "ada"}); err == nil || !strings.Contains(err.Error(), "does not have that address") {
		t.Errorf("listen on an address of somebody else = %v", err)
	}
}

func TestSelfSignedPairIsMadeOnce(t *testing.T) {
	c := config{dataDir: t.TempDir(), selfSigned: true}
	listen := net.ParseIP("192.0.2.7")
	first, err := tlsConfig(c, listen)
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(c.dataDir, "tls", "key.pem")
	info, err := os.Stat(key)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the key = %v, %v, want 0600", info.Mode(), err)
	}
	leaf := first.Certificates[0].Leaf
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "192.0.2.7"} {
		if err := leaf.VerifyHostname(name); err != nil {
			t.Errorf("certificate: %v", err)
		}
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: "localhost", Roots: roots}); err != nil {
		t.Errorf("a client that trusts the certificate: %v", err)
	}
	second, err := tlsConfig(c, listen)
	if err != nil || !bytes.Equal(certificate(first), certificate(second)) {
		t.Errorf("the second start has another certificate, %v", err)
	}
	if err := os.WriteFile(key, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := tlsConfig(c, listen); err == nil || !strings.Contains(err.Error(), key) {
		t.Errorf("tlsConfig with a damaged key = %v, want an error that names it", err)
	}
}

func certificate(c *tls.Config) []byte { return c.Certificates[0].Certificate[0] }
