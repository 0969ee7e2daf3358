package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// promptMark ends every prompt, and comes nowhere before the first one.
const promptMark = "> "

// line is a TCP connection or a pseudoterminal.
type line interface {
	io.ReadWriteCloser
	SetReadDeadline(time.Time) error
}

// terminal is somebody who types and waits for texts. It answers no telnet
// negotiation, which a server must be content with.
type terminal struct {
	line
	unread []byte // what came and has not been waited for
}

func dial(consolePort int) (*terminal, error) {
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(consolePort)))
	if err != nil {
		return nil, err
	}
	return &terminal{line: conn.(*net.TCPConn)}, nil
}

func (t *terminal) typeLine(text string) error {
	_, err := io.WriteString(t, text+"\r")
	return err
}

// waitFor reads until text has come, and forgets everything up to its end.
func (t *terminal) waitFor(text string, limit time.Duration) error {
	if err := t.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	buffer := make([]byte, 4096)
	for {
		if at := bytes.Index(t.unread, []byte(text)); at >= 0 {
			t.unread = t.unread[at+len(text):]
			return nil
		}
		n, err := t.Read(buffer)
		t.unread = append(t.unread, buffer[:n]...)
		if err != nil && n == 0 {
			return fmt.Errorf("cannot see %q on the console: %w; it shows %q", text, err, t.unread)
		}
	}
}
