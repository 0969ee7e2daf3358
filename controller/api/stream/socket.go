package stream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"

	"github.com/lanyard-lab/lanyard/controller"
)

const (
	// keepAliveEvery is how often a client is asked for a sign of life, and
	// aliveWithin how long it may stay silent.
	keepAliveEvery = 25 * time.Second
	aliveWithin    = 75 * time.Second
	// readLimit is the longest message that is taken from a client, in bytes:
	// enough for a whole configuration that is pasted. It is never held in memory.
	readLimit = 1 << 20
)

// socket is the server's end of a websocket. One goroutine reads, one writes
// messages; close and keepAlive may be called besides.
type socket struct{ conn *websocket.Conn }

// upgrade turns the request into a websocket. Host, Origin and credentials have
// been checked by then. An error has not been answered yet.
func upgrade(c *gin.Context) (*socket, error) {
	var refused error
	upgrader := websocket.Upgrader{
		HandshakeTimeout: writeTimeout,
		CheckOrigin:      func(*http.Request) bool { return true },
		Error: func(_ http.ResponseWriter, _ *http.Request, _ int, _ error) {
			refused = controller.Errorf(controller.Invalid,
				"cannot answer %s: it is a websocket, and the request is not the handshake of one (RFC 6455)", c.Request.URL.Path)
		},
	}
	conn, err := upgrader.Upgrade(c.Writer, c.Request, nil)
	if refused != nil {
		return nil, refused
	}
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(readLimit)
	s := &socket{conn: conn}
	s.alive()
	conn.SetPongHandler(func(string) error { s.alive(); return nil })
	return s, nil
}

// alive postpones the moment at which a silent client counts as gone. A dead
// connection makes it fail, and then reading fails as well.
func (s *socket) alive() { _ = s.conn.SetReadDeadline(time.Now().Add(aliveWithin)) }

// read hands each message to take, whole or not, until the client is gone or
// take fails.
func (s *socket) read(take func(io.Reader) error) error {
	for {
		_, r, err := s.conn.NextReader()
		if err != nil {
			return err
		}
		s.alive()
		if err := take(r); err != nil {
			return err
		}
	}
}

func (s *socket) text(line []byte) error { return s.write(websocket.TextMessage, line) }

func (s *socket) binary(p []byte) error { return s.write(websocket.BinaryMessage, p) }

func (s *socket) write(kind int, p []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	return s.conn.WriteMessage(kind, p)
}

// keepAlive asks the client for signs of life until ctx ends.
func (s *socket) keepAlive(ctx context.Context) {
	tick := time.NewTicker(keepAliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout)) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// close says goodbye, with the reason as far as the client can be told one,
// and closes the connection.
func (s *socket) close(err error) {
	switch {
	case err == nil:
		s.goodbye(websocket.CloseGoingAway, "the server is stopping")
	case errors.Is(err, context.Canceled):
		s.goodbye(websocket.CloseGoingAway, "the server is stopping or the client said goodbye")
	default:
		s.goodbye(websocket.CloseInternalServerErr, "the server cannot go on with this stream")
	}
}

// goodbye sends a close frame and closes. It does not wait for an answer.
func (s *socket) goodbye(code int, reason string) {
	const limit = 123 // RFC 6455 section 5.5: 125 with the code
	if len(reason) > limit {
		reason = reason[:limit]
		for !utf8.ValidString(reason) {
			reason = reason[:len(reason)-1]
		}
	}
	_ = s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(writeTimeout))
	_ = s.conn.Close()
}

// tellOnly upgrades a request to a websocket on which only the server speaks:
// run does so until its context ends, which is when the client says goodbye. Of
// the client nothing is read but that and its pongs.
func tellOnly(c *gin.Context, run func(ctx context.Context, send func([]byte) error) error) error {
	s, err := upgrade(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(c.Request.Context())
	defer cancel()
	go func() {
		defer cancel()
		_ = s.read(func(io.Reader) error { return nil })
	}()
	go s.keepAlive(ctx)
	s.close(run(ctx, s.text))
	return nil
}
