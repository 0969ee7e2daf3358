package stream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"

	"github.com/lanyard-lab/lanyard/controller"
)

// console serves a console whose other end it returns.
func console(t *testing.T) (*world, net.Conn) {
	t.Helper()
	far, near := net.Pipe()
	t.Cleanup(func() { _ = far.Close() })
	w := serve(t, "/ws", func(c *gin.Context) error {
		return Console(c, "PC1", func(context.Context) (io.ReadWriteCloser, error) { return near, nil })
	})
	return w, far
}

func TestConsoleCarriesBytesBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, far := console(t)
		conn := w.websocket(t, "/ws")
		raw := []byte("PC1> \xff\xfb\x01\x00\r\n")
		go func() { _, _ = far.Write(raw) }()
		kind, p, err := conn.ReadMessage()
		if err != nil || kind != websocket.BinaryMessage || !bytes.Equal(p, raw) {
			t.Fatalf("ReadMessage() = %d, %q, %v, want a binary frame with %q", kind, p, err, raw)
		}
		for _, kind := range []int{websocket.TextMessage, websocket.BinaryMessage} {
			typed := []byte("ping 192.168.1.1\r")
			written := make(chan error, 1)
			go func() { written <- conn.WriteMessage(kind, typed) }()
			buf := make([]byte, len(typed))
			if _, err := io.ReadFull(far, buf); err != nil || !bytes.Equal(buf, typed) {
				t.Errorf("the line got %q, %v, want %q", buf, err, typed)
			}
			if err := <-written; err != nil {
				t.Fatal(err)
			}
		}
		_ = far.Close()
		_, _, err = conn.ReadMessage()
		var closed *websocket.CloseError
		if !errors.As(err, &closed) || closed.Code != websocket.CloseNormalClosure || closed.Text != "the console of PC1 ended" {
			t.Errorf("at the end of the console: %v, want a normal close frame with the reason", err)
		}
		<-w.ended
	})
}

func TestConsoleEndsWithItsClient(t *testing.T) {
	for _, tc := range []struct {
		name  string
		leave func(*websocket.Conn)
	}{
		{"goodbye", func(c *websocket.Conn) {
			_ = c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
		}},
		{"hang up", func(c *websocket.Conn) { _ = c.Close() }},
		{"too long a message", func(c *websocket.Conn) {
			_ = c.WriteMessage(websocket.BinaryMessage, make([]byte, readLimit+1))
		}},
		{"not masked", func(c *websocket.Conn) { _, _ = c.NetConn().Write([]byte{0x82, 0x01, 'x'}) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, far := console(t)
				conn := w.websocket(t, "/ws")
				go tc.leave(conn)
				go func() { _, _, _ = conn.ReadMessage() }()
				// The line is closed, after what came before.
				if _, err := io.Copy(io.Discard, far); err != nil {
					t.Errorf("the line ended with %v, want io.EOF", err)
				}
				<-w.ended
			})
		})
	}
}

func TestConsoleErrorsComeBeforeTheUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := serve(t, "/ws", func(c *gin.Context) error {
			return Console(c, "PC1", func(context.Context) (io.ReadWriteCloser, error) {
				return nil, controller.Errorf(controller.Conflict, "cannot open the console")
			})
		})
		answer := w.get(t, "/ws")
		if body, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusConflict || !strings.Contains(string(body), "cannot open the console") {
			t.Errorf("answer %d %s, want 409", answer.StatusCode, body)
		}
	})
}

func TestConsoleWithoutHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, far := console(t)
		answer := w.get(t, "/ws")
		if body, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), `"status": 400`) {
			t.Errorf("answer %d %s, want 400 in the envelope", answer.StatusCode, body)
		}
		if _, err := far.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the line is still open: %v", err)
		}
	})
}
