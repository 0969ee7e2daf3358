package tests

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// TestConsoleByWebsocket shares a console with telnet.
func TestConsoleByWebsocket(t *testing.T) {
	s := newServer(t)
	l := pair(t, s)
	plain := dial(t, l.console[0])
	plain.prompt(t, "PC1")
	for _, path := range []string{l.path("/nodes/" + l.vms[0] + "/console/ws"), l.vm(0) + "/console/ws"} {
		conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.url, "http")+path, nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		defer conn.Close()
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		readUntil(t, conn, "PC1> ") // what was there before
		if err := conn.WriteMessage(websocket.BinaryMessage, []byte("echo from the web\r")); err != nil {
			t.Fatal(err)
		}
		readUntil(t, conn, "\nfrom the web")
		plain.expect(t, `\nfrom the web`)
		plain.expect(t, anyPrompt)
		plain.send(t, "echo from telnet")
		readUntil(t, conn, "\nfrom telnet")
		plain.expect(t, anyPrompt)
	}
	status, answer := s.call(t, "GET", l.path("/nodes/00000000-0000-4000-8000-000000000000/console/ws"), "")
	if status != http.StatusNotFound {
		t.Errorf("console of nobody = %d %s, want 404", status, answer)
	}
	wantEnvelope(t, status, answer, "")
}

// TestConsoleOfAStoppedNode says so, and shows the PC when it starts again.
func TestConsoleOfAStoppedNode(t *testing.T) {
	s := newServer(t)
	l := pair(t, s)
	before := dial(t, l.console[0])
	before.prompt(t, "PC1")
	s.must(t, http.StatusNoContent, "POST", l.vm(0)+"/stop", "")
	before.expect(t, `(?i)stopped`)
	during := dial(t, l.console[0])
	during.expect(t, `(?i)stopped`)
	l.startVM(t, 0)
	for _, c := range []*telnet{before, during} {
		c.expect(t, `Welcome to Virtual PC Simulator`)
		c.prompt(t, "PC1")
	}
}

// TestManyClients see the same console.
func TestManyClients(t *testing.T) {
	s := newServer(t)
	l := pair(t, s)
	var all []*telnet
	for range 8 {
		c := dial(t, l.console[0])
		c.prompt(t, "PC1")
		all = append(all, c)
	}
	for i, c := range all {
		text := fmt.Sprintf("client%d", i)
		c.send(t, "echo "+text)
		for _, other := range all {
			other.expect(t, `\n`+text)
			other.expect(t, anyPrompt)
		}
	}
}

func readUntil(t *testing.T, conn *websocket.Conn, want string) {
	t.Helper()
	var all strings.Builder
	for !strings.Contains(all.String(), want) {
		_, p, err := conn.ReadMessage()
		if err != nil {
			t.Fatalf("after %q: %v, want %q", all.String(), err, want)
		}
		all.Write(p)
	}
}
