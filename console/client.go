package console

import (
	"io"
	"net"
	"sync"
	"time"
)

const (
	// writeLimit is how long one write to a client may take.
	writeLimit = 10 * time.Second
	// writeChunk is the most that is written at once, so that a slow line is
	// not taken for a stuck one.
	writeChunk = 16 << 10
	// lingerLimit is how long a client that was hung up has to leave.
	lingerLimit = 2 * time.Second
	// areYouThereEvery is how often AYT is answered.
	areYouThereEvery = time.Second
)

// client is one connection to a hub: a goroutine that reads and one that
// writes.
type client struct {
	hub    *Hub
	rw     io.ReadWriteCloser
	telnet *telnet // nil for a raw client; of the reading goroutine
	out    *outbox

	closing sync.Once
	err     error       // why it was closed; set by closing
	linger  *time.Timer // set by the writing goroutine at its end

	answered time.Time // the last AYT; of the reading goroutine

	// Guarded by hub.mu.
	columns, rows int // 0 until told
	noticed       time.Time
}

func (h *Hub) serve(rw io.ReadWriteCloser, t *telnet) error {
	c := &client{hub: h, rw: rw, telnet: t, out: newOutbox(queueLimit + 2*max(h.history.limit, 0))}
	if t != nil {
		c.out.put(greeting[:], nil)
	}
	if !h.attach(c) {
		_ = rw.Close()
		return ErrClosed
	}
	defer h.wg.Done()

	written := make(chan struct{})
	go func() {
		defer close(written)
		c.writeAll()
	}()
	err := c.readAll()
	h.detach(c)
	if err == nil {
		c.out.end(outboxFinished) // one that only stopped sending gets the rest
	} else {
		c.fail(err)
	}
	<-written
	c.fail(nil)
	if c.linger != nil {
		c.linger.Stop()
	}
	return c.err
}

// send queues output, and reports whether there was room.
func (c *client) send(p []byte) bool {
	if c.telnet != nil {
		return c.out.put(p, escape)
	}
	return c.out.put(p, nil)
}

// fail closes the client; the first reason counts.
func (c *client) fail(err error) {
	c.closing.Do(func() {
		c.err = err
		c.out.end(outboxCut)
		if tcp, ok := c.rw.(*net.TCPConn); ok && err == ErrCutOff {
			_ = tcp.SetLinger(0) // nothing that it did not take stays behind
		}
		_ = c.rw.Close()
	})
}

func (c *client) readAll() error {
	buffer := make([]byte, 512)
	var data []byte
	for {
		n, err := c.rw.Read(buffer)
		if n > 0 {
			data = c.received(data[:0], buffer[:n])
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// received handles what came from the client; data is a buffer to use.
func (c *client) received(data, p []byte) []byte {
	if c.telnet == nil {
		data = append(data, p...)
	} else {
		data = c.telnet.decode(data, p)
		c.out.put(c.telnet.takeAnswers(), nil)
		if c.telnet.areYouThere {
			c.telnet.areYouThere = false
			c.reassure()
		}
		if c.telnet.columns != c.columns || c.telnet.rows != c.rows {
			c.hub.resized(c, c.telnet.columns, c.telnet.rows)
		}
	}
	if len(data) > 0 && c.out.ended() == outboxOpen {
		c.hub.typed(c, data)
	}
	return data
}

// reassure answers AYT.
func (c *client) reassure() {
	if time.Since(c.answered) >= areYouThereEvery {
		c.answered = time.Now()
		c.send([]byte("\r\n[" + c.hub.name + "]\r\n"))
	}
}

// writeAll writes the queue until it ends.
func (c *client) writeAll() {
	stuck := time.AfterFunc(writeLimit, func() { c.fail(ErrCutOff) })
	stuck.Stop()
	for {
		p := c.out.take()
		if p == nil {
			break
		}
		for len(p) > 0 {
			n := min(len(p), writeChunk)
			stuck.Reset(writeLimit)
			_, err := c.rw.Write(p[:n])
			stuck.Stop()
			if err != nil {
				c.fail(err)
				return
			}
			c.out.wrote(n)
			p = p[n:]
		}
	}
	c.finish()
}

// finish ends the output. Where the stream can be closed one way, the client
// is given time to read and leave: closing with typed bytes unread would make
// TCP throw away what is still on its way to it.
func (c *client) finish() {
	half, ok := c.rw.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		c.fail(nil)
		return
	}
	c.linger = time.AfterFunc(lingerLimit, func() { c.fail(nil) })
}
