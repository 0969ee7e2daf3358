package console

import (
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// sendBuffer is what the kernel may hold for a telnet client, in bytes: the
	// rest waits in the hub, where it is counted.
	sendBuffer = 64 << 10
	// acceptRetry is when accepting is tried again after a failure such as "too
	// many open files".
	acceptRetry = 100 * time.Millisecond
)

// Listen serves telnet on a TCP address such as "127.0.0.1:2000", with a to wait
// for clients. A listener that the hub already has is closed when the new one is
// open; clients stay. The error wraps syscall.EADDRINUSE when the port is taken.
func (h *Hub) Listen(a *Acceptor, address string) error {
	tcp, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return fmt.Errorf("cannot listen for the console of %s: %w", h.name, err)
	}
	port, err := net.ListenTCP("tcp", tcp)
	if err != nil {
		return fmt.Errorf("cannot listen for the console of %s: %w", h.name, err)
	}
	return h.ListenOn(a, port)
}

// ListenOn is Listen on a port that is open already; the hub owns it from here
// on, also after an error. Clients that came before are served now, so that a
// port can be taken first and the line connected before anybody sees it.
func (h *Hub) ListenOn(a *Acceptor, port *net.TCPListener) error {
	l := &listener{tcp: port}
	forget, err := a.add(port, func(conn net.Conn) { h.welcome(l, conn) })
	if err != nil {
		l.close()
		return fmt.Errorf("cannot listen for the console of %s: %w", h.name, err)
	}
	l.forget = forget
	h.mu.Lock()
	old := h.listener
	if h.closed {
		old, err = l, fmt.Errorf("cannot listen for the console of %s: %w", h.name, ErrClosed)
	} else {
		h.listener = l
	}
	h.mu.Unlock()
	old.close()
	return err
}

// listener is an open port of a hub.
type listener struct {
	tcp    *net.TCPListener
	forget func()
	closed atomic.Bool
}

// close closes the port; nil and half-made listeners are fine.
func (l *listener) close() error {
	if l == nil {
		return nil
	}
	l.closed.Store(true)
	if l.forget != nil {
		l.forget()
	}
	return l.tcp.Close()
}

// welcome serves a new client of l, unless that has been closed meanwhile.
func (h *Hub) welcome(l *listener, conn net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || l.closed.Load() {
		_ = conn.Close()
		return
	}
	h.wg.Go(func() {
		prepare(conn)
		_ = h.serve(conn, newTelnet())
	})
}

// Deafen ends Listen. Clients that are connected stay.
func (h *Hub) Deafen() {
	h.mu.Lock()
	old := h.listener
	h.listener = nil
	h.mu.Unlock()
	_ = old.close()
}

// Addr is the address that Listen took, nil before.
func (h *Hub) Addr() net.Addr {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listener == nil {
		return nil
	}
	return h.listener.tcp.Addr()
}

// prepare sets what a telnet connection needs beyond Go's TCP_NODELAY. Telnet
// sends its urgent mark out of band; kept in line, no byte of it is missing.
// A connection that refuses works as well.
func prepare(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	_ = tcp.SetWriteBuffer(sendBuffer)
	_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3})
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_OOBINLINE, 1)
		})
	}
}
