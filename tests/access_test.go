package tests

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// TestAuth asks for the user's name and password everywhere.
func TestAuth(t *testing.T) {
	need(t, "curl")
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte("se:cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, "--user", "ada", "--password-file", secret)
	for _, tc := range []struct {
		name string
		user string // of curl
		want int
	}{
		{"nobody", "", 401},
		{"right", "ada:se:cret", 200},
		{"wrong password", "ada:secret", 401},
		{"no password", "ada:", 401},
		{"wrong user", "bob:se:cret", 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, path := range []string{"/v1/version", "/v2/version", "/v2/projects"} {
				words := []string{s.url + path}
				if tc.user != "" {
					words = append(words, "--user", tc.user)
				}
				status, answer := curl(t, words...)
				if status != tc.want {
					t.Errorf("GET %s = %d %s, want %d", path, status, answer, tc.want)
				}
				if tc.want == 401 {
					wantEnvelope(t, status, answer, "sign in")
				}
			}
		})
	}
	for _, path := range []string{"/v2/notifications", "/nothing", "/v2/projects/x/vms"} {
		if status, answer := s.call(t, "GET", path, ""); status != 401 {
			t.Errorf("GET %s without credentials = %d %s, want 401", path, status, answer)
		}
	}
	if _, answer, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.url, "http")+"/v2/notifications/ws", nil); err == nil || answer.StatusCode != 401 {
		t.Errorf("websocket without credentials = %v, %v, want 401", answer, err)
	}
	if code, out := run(t, "shutdown", "--server", s.url); code != 1 || !strings.Contains(out, "sign in") {
		t.Errorf("lanyard shutdown without a password = %d %s", code, out)
	}
	if code, out := run(t, "shutdown", "--server", s.url, "--user", "ada", "--password", "se:cret"); code != 0 {
		t.Errorf("lanyard shutdown = %d %s", code, out)
	}
	if code := s.wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if strings.Contains(s.log.String(), "se:cret") {
		t.Errorf("the log has the password: %s", s.log)
	}
}

// TestPasswordIsEnough lets a server listen on all addresses.
func TestPasswordIsEnough(t *testing.T) {
	need(t, "curl")
	ports := reserve(t)
	dir := t.TempDir()
	s := &server{ports: ports, dir: dir, url: "http://" + ports.api(), http: &http.Client{}}
	s.args = []string{"--listen", strings.Replace(ports.api(), "127.0.0.1", "0.0.0.0", 1), "--user", "ada", "--password", "x"}
	t.Cleanup(func() { s.cleanUp(t) })
	s.start(t)
	if status, answer := curl(t, s.url+"/v2/version", "--user", "ada:x"); status != 200 {
		t.Errorf("version = %d %s", status, answer)
	}
	if !strings.Contains(s.log.String(), "in the clear") {
		t.Errorf("the server does not warn of passwords in the clear: %s", s.log)
	}
}

// TestSelfSigned serves HTTPS with a certificate that outlives the server.
func TestSelfSigned(t *testing.T) {
	need(t, "curl")
	ports := reserve(t)
	s := &server{ports: ports, dir: t.TempDir(), url: "https://" + ports.api(), args: []string{"--tls-self-signed"}}
	s.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	t.Cleanup(func() { s.cleanUp(t) })
	s.start(t)
	cert := filepath.Join(s.dir, "tls", "cert.pem")
	first := readPEM(t, cert)
	for _, url := range []string{s.url, strings.Replace(s.url, "127.0.0.1", "localhost", 1)} {
		if status, answer := curl(t, "--cacert", cert, url+"/v2/version"); status != 200 {
			t.Errorf("version by HTTPS at %s = %d %s", url, status, answer)
		}
	}
	if info, err := os.Stat(filepath.Join(s.dir, "tls", "key.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key: %v, %v, want mode 0600", info, err)
	}
	stream, _, err := (&websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}).Dial("wss"+strings.TrimPrefix(s.url, "https")+"/v2/notifications/ws", nil)
	if err != nil {
		t.Fatalf("websocket by TLS: %v", err)
	}
	defer stream.Close()
	if code, out := run(t, "shutdown", "--server", s.url, "--ca", cert); code != 0 {
		t.Errorf("lanyard shutdown = %d %s", code, out)
	}
	s.wait(t)
	for err == nil {
		_, _, err = stream.ReadMessage()
	}
	if !websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway) {
		t.Errorf("the websocket ended with %v, want a close frame", err)
	}
	s.start(t)
	if second := readPEM(t, cert); !bytes.Equal(first, second) {
		t.Error("the certificate was made anew")
	}
}

// TestCertificateFiles serves HTTPS with files, and refuses broken ones.
func TestCertificateFiles(t *testing.T) {
	need(t, "curl")
	first := newServer(t)
	first.end(t, 2)
	first.args = []string{"--tls-self-signed"}
	first.url = "https://" + first.ports.api()
	first.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	first.start(t)
	cert, key := filepath.Join(first.dir, "tls", "cert.pem"), filepath.Join(first.dir, "tls", "key.pem")
	first.end(t, 2)
	first.args = []string{"--tls-cert", cert, "--tls-key", key}
	first.start(t)
	if status, answer := curl(t, "--cacert", cert, first.url+"/v2/version"); status != 200 {
		t.Errorf("version by HTTPS = %d %s", status, answer)
	}
	code, out := run(t, "serve", "--listen", "127.0.0.1:0", "--data-dir", t.TempDir(), "--tls-cert", cert, "--tls-key", cert)
	if code != 1 || !strings.Contains(out, "cannot serve HTTPS") {
		t.Errorf("a certificate for a key = %d %s", code, out)
	}
}

// TestHostAndOrigin refuses web pages of others.
func TestHostAndOrigin(t *testing.T) {
	need(t, "curl")
	s := newServer(t, "--allowed-hosts", "lab.example,other.example")
	for _, tc := range []struct {
		name, header string
		want         int
	}{
		{"rebound name", "Host: evil.example", 403},
		{"allowed name", "Host: lab.example:3080", 200},
		{"localhost", "Host: localhost", 200},
		{"address", "Host: 192.0.2.1", 200},
		{"other page", "Origin: http://evil.example", 403},
		{"sandboxed page", "Origin: null", 403},
		{"own page", "Origin: " + s.url, 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, answer := curl(t, "-H", tc.header, s.url+"/v2/version")
			if status != tc.want {
				t.Errorf("%s = %d %s, want %d", tc.header, status, answer, tc.want)
			}
			if tc.want == 403 {
				wantEnvelope(t, status, answer, "cannot answer")
			}
			name, value, _ := strings.Cut(tc.header, ": ")
			conn, answered, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.url, "http")+"/v2/notifications/ws", http.Header{name: {value}})
			if err == nil {
				conn.Close()
			}
			if (err == nil) != (tc.want == 200) || err != nil && answered.StatusCode != tc.want {
				t.Errorf("websocket with %s = %v, %v, want %d", tc.header, answered, err, tc.want)
			}
		})
	}
}

func readPEM(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		t.Fatalf("%s is not PEM", path)
	}
	return block.Bytes
}
