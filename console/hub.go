// Package console fans a serial line out to any number of clients, over telnet
// and over raw byte streams, with a replayed history.
package console

import "io"

// Hub is the console of one node. It lives as long as the node, across starts
// and stops. Safe for concurrent use.
type Hub struct{}

// New makes a hub that replays the last history bytes to each new client. The
// memory for them is taken only as output comes. name is shown to clients.
func New(name string, history int) *Hub { panic("stub") }

// Write takes output of the instance; it never blocks and never fails.
func (h *Hub) Write(p []byte) (int, error) { panic("stub") }

// HangUp disconnects the client who typed last, after it got what was written before.
func (h *Hub) HangUp() { panic("stub") }

// Connect sets where what clients type goes, and what follows their window
// size (may be nil). A nil input disconnects the line: clients stay and what they
// type is answered with notice, a line such as "PC1 is stopped", that is also
// shown at once to those connected and to each new client.
func (h *Hub) Connect(input io.Writer, resize func(columns, rows int) error) { panic("stub") }
func (h *Hub) Disconnect(notice string)                                      { panic("stub") }

// Listen serves telnet on a TCP address such as "127.0.0.1:2000".
func (h *Hub) Listen(address string) error { panic("stub") }

// Serve is one raw client: history, then live output, and what it types. It
// returns when rw ends, the client is hung up or cut off, or the hub closes; it closes rw.
func (h *Hub) Serve(rw io.ReadWriteCloser) error { panic("stub") }

// Close disconnects everybody and closes the listener; it waits for all goroutines.
func (h *Hub) Close() error { panic("stub") }
