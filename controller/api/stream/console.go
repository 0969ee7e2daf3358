package stream

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"
)

// Console connects a websocket with a console: binary frames with the raw
// bytes of the line to the client, and what the client sends, as text or
// binary, to the line. open is called before the upgrade, so that its error is
// answered as one. Console closes what open returned.
func Console(c *gin.Context, name string, open func(context.Context) (io.ReadWriteCloser, error)) error {
	ctx, cancel := context.WithCancel(c.Request.Context())
	defer cancel()
	line, err := open(ctx)
	if err != nil {
		return err
	}
	s, err := upgrade(c)
	if err != nil {
		_ = line.Close()
		return err
	}
	// The two directions: whichever ends first ends the other, the line by
	// being closed, the socket by the goodbye.
	fromClient := make(chan error, 1)
	go func() {
		fromClient <- s.read(func(r io.Reader) error {
			_, err := io.Copy(line, r)
			return err
		})
		cancel()
	}()
	fromLine := make(chan error, 1)
	go func() { fromLine <- toSocket(s, line) }()
	go s.keepAlive(ctx)

	select {
	case err = <-fromLine:
		if err == nil || errors.Is(err, io.EOF) {
			s.goodbye(websocket.CloseNormalClosure, fmt.Sprintf("the console of %s ended", name))
		} else {
			s.goodbye(websocket.CloseInternalServerErr, fmt.Sprintf("the console of %s is lost", name))
		}
		_ = line.Close()
		<-fromClient
	case <-ctx.Done():
		_ = line.Close()
		s.goodbye(websocket.CloseGoingAway, "the server is stopping or the client said goodbye")
		<-fromLine
		<-fromClient
	}
	return nil
}

// toSocket copies the line's output until one of the two ends.
func toSocket(s *socket, line io.Reader) error {
	buf := make([]byte, 16<<10)
	for {
		n, err := line.Read(buf)
		if n > 0 {
			if err := s.binary(buf[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}
