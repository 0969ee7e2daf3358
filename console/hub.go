// Package console fans a serial line out to any number of clients, over telnet
// and over raw byte streams, with a replayed history.
package console

import (
	"errors"
	"io"
	"sync"
	"time"
)

// ErrCutOff is what Serve returns for a client that did not take its output:
// its queue was full, or one write took too long.
var ErrCutOff = errors.New("console client did not take its output")

// ErrClosed is what Serve and Listen return once the hub is closed.
var ErrClosed = errors.New("console is closed")

const (
	// queueLimit is what a client may be behind, in bytes, beyond the history
	// that it was sent.
	queueLimit = 256 << 10
	// noticeEvery is how often typing into a stopped node is answered.
	noticeEvery = time.Second
)

// Hub is the console of one node. It lives as long as the node, across starts
// and stops. Safe for concurrent use.
//
// The window size of the line is that of the client who last told its size or
// typed, so whoever works with the node sees it at the right size.
type Hub struct {
	name string
	wg   sync.WaitGroup // clients
	done chan struct{}  // closed by Close

	// line serialises the calls of input and resize. It is never taken with mu
	// held.
	line sync.Mutex

	mu            sync.Mutex
	history       history
	clients       map[*client]struct{}
	last          *client   // who typed last
	input         io.Writer // nil while disconnected
	resize        func(columns, rows int) error
	columns, rows int // of the line, 0 until a client tells
	notice        string
	listener      *listener // nil when there is none
	closed        bool
}

// New makes a hub that replays the last history bytes to each new client. The
// memory for them is taken only as output comes. name is shown to clients.
func New(name string, history int) *Hub {
	h := &Hub{name: name, done: make(chan struct{}), notice: name + " is stopped"}
	h.history.limit = history
	return h
}

// Write takes output of the instance; it never blocks and never fails. A client
// whose queue is full is cut off.
func (h *Hub) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.history.write(p)
		h.sendAllLocked(p)
	}
	return len(p), nil
}

// HangUp disconnects the client who typed last, after it got what was written
// before. It does nothing when nobody has typed or that client has left.
func (h *Hub) HangUp() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.last; c != nil {
		h.forgetLocked(c)
		c.out.end(outboxFinished)
	}
}

// HangUpAll disconnects every client, after it got what was written before. The
// port stays open: they may come again.
func (h *Hub) HangUpAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.clients {
		h.forgetLocked(c)
		c.out.end(outboxFinished)
	}
}

// Connect sets where what clients type goes, and what follows their window
// size (may be nil). Neither may block; they are never called at the same time,
// and may call the hub, but for Connect and Close. A nil input disconnects the
// line, as Disconnect does with the notice there was.
func (h *Hub) Connect(input io.Writer, resize func(columns, rows int) error) {
	if input == nil {
		h.mu.Lock()
		notice := h.notice
		h.mu.Unlock()
		h.Disconnect(notice)
		return
	}
	h.mu.Lock()
	h.input, h.resize = input, resize
	h.mu.Unlock()
	h.applySize()
}

// Disconnect ends the line: clients stay, and what they type is answered with
// notice, a line such as "PC1 is stopped", that is also shown at once to those
// connected and to each new client. Saying the same again shows nothing.
func (h *Hub) Disconnect(notice string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.input == nil && h.notice == notice {
		return
	}
	h.input, h.resize, h.notice = nil, nil, notice
	h.sendAllLocked(h.noticeLocked())
}

// Serve is one raw client: history, then live output, and what it types. It
// returns when rw ends, the client is hung up or cut off, or the hub closes; it
// closes rw. A Close of rw must end its Read and Write.
func (h *Hub) Serve(rw io.ReadWriteCloser) error {
	return h.serve(rw, nil)
}

// Close disconnects everybody and closes the listener; it waits for all
// goroutines, also those in Serve.
func (h *Hub) Close() error {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.done)
	}
	listener := h.listener
	h.listener, h.input, h.resize = nil, nil, nil
	clients := make([]*client, 0, len(h.clients))
	for c := range h.clients {
		clients = append(clients, c)
	}
	h.mu.Unlock()

	err := listener.close()
	for _, c := range clients {
		c.fail(ErrClosed)
	}
	h.wg.Wait()
	return err
}

// attach makes c a client: it gets the history, and from then on everything.
func (h *Hub) attach(c *client) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.wg.Add(1)
	c.send(h.history.bytes())
	if h.input == nil {
		c.send(h.noticeLocked())
	}
	if h.clients == nil {
		h.clients = make(map[*client]struct{})
	}
	h.clients[c] = struct{}{}
	return true
}

func (h *Hub) detach(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.clients, c)
	h.forgetLocked(c)
}

func (h *Hub) forgetLocked(c *client) {
	if h.last == c {
		h.last = nil
	}
}

// sendAllLocked queues p for every client. It cuts off those with no room left;
// closing may block, so that is done elsewhere.
func (h *Hub) sendAllLocked(p []byte) {
	for c := range h.clients {
		if !c.send(p) {
			h.forgetLocked(c)
			c.out.end(outboxCut)
			h.wg.Go(func() { c.fail(ErrCutOff) })
		}
	}
}

func (h *Hub) noticeLocked() []byte {
	return []byte("\r\n" + h.notice + "\r\n")
}

// typed passes on what c typed.
func (h *Hub) typed(c *client, data []byte) {
	h.mu.Lock()
	h.last = c
	input := h.input
	if input == nil && time.Since(c.noticed) >= noticeEvery {
		c.noticed = time.Now()
		c.send(h.noticeLocked())
	}
	resized := h.takeSizeLocked(c)
	h.mu.Unlock()

	if resized {
		h.applySize()
	}
	if input != nil {
		h.line.Lock()
		defer h.line.Unlock()
		_, _ = input.Write(data) // an instance that has ended says so elsewhere
	}
}

// resized takes the window size of c.
func (h *Hub) resized(c *client, columns, rows int) {
	h.mu.Lock()
	c.columns, c.rows = columns, rows
	resized := h.takeSizeLocked(c)
	h.mu.Unlock()
	if resized {
		h.applySize()
	}
}

// takeSizeLocked makes the size of c that of the line, and reports a change.
func (h *Hub) takeSizeLocked(c *client) bool {
	if c.columns == 0 || c.columns == h.columns && c.rows == h.rows {
		return false
	}
	h.columns, h.rows = c.columns, c.rows
	return true
}

// applySize tells the instance the newest size.
func (h *Hub) applySize() {
	h.line.Lock()
	defer h.line.Unlock()
	h.mu.Lock()
	resize, columns, rows := h.resize, h.columns, h.rows
	h.mu.Unlock()
	if resize != nil && columns > 0 {
		_ = resize(columns, rows) // cosmetic: the console works without
	}
}
