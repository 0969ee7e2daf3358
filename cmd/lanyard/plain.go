package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

const (
	tlsHandshake = 0x16        // first byte of every TLS connection, RFC 8446, section 5.1
	plainWait    = time.Second // for a client to take the answer
	plainLimit   = 1 << 20     // bytes that are read of a request that is not answered
	plainMessage = `{"message": "cannot answer plain HTTP: this server speaks HTTPS; begin the address with https://", "status": 400}` + "\n"
)

var errPlain = errors.New("the client does not speak TLS")

// plainListener is put below TLS. It answers clients that speak plain HTTP in
// the way of the API, where net/http would send a text.
type plainListener struct{ net.Listener }

// Accept waits for the next connection.
func (l plainListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &plainConn{Conn: conn}, nil
}

// plainConn looks at the first byte that comes. Reads do not overlap: they are TLS's.
type plainConn struct {
	net.Conn
	known bool
}

// Read fails when the first byte is not TLS's, after the client was told.
func (c *plainConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.known || n == 0 {
		return n, err
	}
	if c.known = true; p[0] == tlsHandshake {
		return n, err
	}
	if p[0] >= 'A' && p[0] <= 'Z' { // as the methods of HTTP
		_ = c.SetDeadline(time.Now().Add(plainWait))
		_, _ = fmt.Fprintf(c, "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
			len(plainMessage), plainMessage)
		// A close with unread bytes would take the answer back.
		_, _ = io.CopyN(io.Discard, c.Conn, plainLimit)
	}
	return 0, errPlain
}
