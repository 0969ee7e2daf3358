package console

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// sendBuffer is what the kernel may hold for a telnet client, in bytes: the
	// rest waits in the hub, where it is counted.
	sendBuffer = 64 << 10
	// Accepting is tried again after a failure such as "too many open files".
	acceptRetryMin = 5 * time.Millisecond
	acceptRetryMax = time.Second
)

// Listen serves telnet on a TCP address such as "127.0.0.1:2000". A listener
// that the hub already has is closed when the new one is open; clients stay.
// The error wraps syscall.EADDRINUSE when the port is taken.
func (h *Hub) Listen(address string) error {
	config := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3,
	}}
	listener, err := config.Listen(context.Background(), "tcp", address)
	if err != nil {
		return fmt.Errorf("cannot listen for the console of %s: %w", h.name, err)
	}
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		_ = listener.Close()
		return fmt.Errorf("cannot listen for the console of %s: %w", h.name, ErrClosed)
	}
	old := h.listener
	h.listener = listener
	h.wg.Go(func() { h.accept(listener) })
	h.mu.Unlock()
	if old != nil {
		_ = old.Close()
	}
	return nil
}

// Addr is the address that Listen took, nil before.
func (h *Hub) Addr() net.Addr {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listener == nil {
		return nil
	}
	return h.listener.Addr()
}

func (h *Hub) accept(listener net.Listener) {
	retry := acceptRetryMin
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			select {
			case <-time.After(retry):
			case <-h.done:
				return
			}
			retry = min(2*retry, acceptRetryMax)
			continue
		}
		retry = acceptRetryMin
		h.wg.Go(func() {
			prepare(conn)
			_ = h.serve(conn, newTelnet())
		})
	}
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
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_OOBINLINE, 1)
		})
	}
}
