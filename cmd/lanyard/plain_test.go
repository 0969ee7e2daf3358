package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"
)

// startTLS serves HTTPS with a certificate of our own and returns the address.
func startTLS(t *testing.T) string {
	t.Helper()
	certificate, err := tlsConfig(config{selfSigned: true, dataDir: t.TempDir()}, net.IPv4(127, 0, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "fine") })
	s := startServer(socket, handler, certificate, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		s.close()
		socket.Close()
	})
	return socket.Addr().String()
}

func TestPlainHTTPIsAnswered(t *testing.T) {
	address := startTLS(t)
	for _, size := range []int{0, 10_000, 500_000} {
		answer, err := http.Post("http://"+address+"/v2/projects", "application/json", bytes.NewReader(make([]byte, size)))
		if err != nil {
			t.Fatalf("with %d bytes: %v", size, err)
		}
		var problem struct {
			Message string
			Status  int
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err := json.Unmarshal(body, &problem); err != nil || answer.StatusCode != http.StatusBadRequest || problem.Status != http.StatusBadRequest ||
			problem.Message == "" || answer.Header.Get("Content-Type") != "application/json" {
			t.Errorf("with %d bytes: %s, %q", size, answer.Status, body)
		}
	}

	secure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer secure.CloseIdleConnections()
	answer, err := secure.Get("https://" + address)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	if string(body) != "fine" {
		t.Errorf("HTTPS answers %q", body)
	}
}

func TestOtherProtocolsAreCutOff(t *testing.T) {
	conn, err := net.Dial("tcp", startTLS(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "\x00\x01")
	if b, err := io.ReadAll(conn); len(b) > 0 || isTimeout(err) {
		t.Errorf("read %q, %v, want the end", b, err)
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}
