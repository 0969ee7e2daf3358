package console

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Acceptor waits for the telnet clients of any number of hubs. A listener that
// waits by itself takes a goroutine, which is most of what an idle console
// would cost. Safe for concurrent use.
type Acceptor struct {
	mu        sync.Mutex
	epoll     *os.File // nil until the first listener
	raw       syscall.RawConn
	listeners map[int32]*waiting // by the number that epoll tells
	last      int32
	closed    bool
	loop      sync.WaitGroup
}

// waiting is a listener that nobody has to wait for.
type waiting struct {
	raw    syscall.RawConn
	accept func(net.Conn) // takes a connection over; does not block
}

// NewAcceptor makes an acceptor that holds nothing until the first Listen.
func NewAcceptor() *Acceptor { return &Acceptor{listeners: map[int32]*waiting{}} }

// Close ends the waiting. Listeners stay open, and nobody accepts from them.
func (a *Acceptor) Close() {
	a.mu.Lock()
	a.closed = true
	epoll := a.epoll
	a.mu.Unlock()
	if epoll != nil {
		_ = epoll.Close()
	}
	a.loop.Wait()
}

// add waits for the clients of a listener until it is closed and forget is
// called.
func (a *Acceptor) add(l *net.TCPListener, accept func(net.Conn)) (forget func(), err error) {
	raw, err := l.SyscallConn()
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.openLocked(); err != nil {
		return nil, err
	}
	for a.last++; a.listeners[a.last] != nil; a.last++ { // it may have come round
	}
	number := a.last
	a.listeners[number] = &waiting{raw, accept}
	if err := a.control(raw, unix.EPOLL_CTL_ADD, unix.EPOLLIN, number); err != nil {
		delete(a.listeners, number)
		return nil, err
	}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.listeners, number)
	}, nil
}

// openLocked makes the epoll instance and the goroutine that waits for it. The
// instance is itself waited for by the Go runtime, so no thread is held.
func (a *Acceptor) openLocked() error {
	if a.closed {
		return ErrClosed
	}
	if a.epoll != nil {
		return nil
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("cannot wait for clients: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return fmt.Errorf("cannot wait for clients: %w", err)
	}
	epoll := os.NewFile(uintptr(fd), "epoll")
	raw, err := epoll.SyscallConn()
	if err != nil {
		_ = epoll.Close()
		return fmt.Errorf("cannot wait for clients: %w", err)
	}
	a.epoll, a.raw = epoll, raw
	a.loop.Go(func() { _ = raw.Read(a.ready) }) // until epoll is closed
	return nil
}

// ready accepts from all listeners that have clients.
func (a *Acceptor) ready(epoll uintptr) (done bool) {
	var events [64]unix.EpollEvent
	for {
		n, err := unix.EpollWait(int(epoll), events[:], 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n <= 0 {
			return err != nil
		}
		for _, e := range events[:n] {
			a.acceptFrom(e.Fd)
		}
	}
}

func (a *Acceptor) acceptFrom(number int32) {
	a.mu.Lock()
	w := a.listeners[number]
	a.mu.Unlock()
	if w == nil {
		return // it is being closed
	}
	for {
		fd, err := w.acceptOne()
		switch {
		case err == nil:
			if conn := connection(fd); conn != nil {
				w.accept(conn)
			}
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNABORTED):
		case errors.Is(err, unix.EAGAIN):
			return
		default: // such as too many open files: the client waits
			a.retry(number, w)
			return
		}
	}
}

// retry leaves a listener alone for a while. Without that it would be reported
// again and again.
func (a *Acceptor) retry(number int32, w *waiting) {
	_ = a.control(w.raw, unix.EPOLL_CTL_MOD, 0, number) // one that is closed is watched for nothing
	time.AfterFunc(acceptRetry, func() {
		a.mu.Lock()
		open := a.listeners[number] == w && !a.closed
		a.mu.Unlock()
		if open {
			_ = a.control(w.raw, unix.EPOLL_CTL_MOD, unix.EPOLLIN, number)
		}
	})
}

// control tells epoll what to watch a listener for.
func (a *Acceptor) control(listener syscall.RawConn, operation int, events uint32, number int32) (err error) {
	var inner error
	outer := a.raw.Control(func(epoll uintptr) {
		inner = listener.Control(func(fd uintptr) {
			err = unix.EpollCtl(int(epoll), operation, int(fd), &unix.EpollEvent{Events: events, Fd: number})
		})
	})
	return errors.Join(outer, inner, err)
}

func (w *waiting) acceptOne() (fd int, err error) {
	controlErr := w.raw.Control(func(listener uintptr) {
		fd, _, err = unix.Accept4(int(listener), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	})
	if controlErr != nil {
		return -1, unix.EAGAIN // it is closed
	}
	return fd, err
}

// connection takes over a socket; nil when that is not possible.
func connection(fd int) net.Conn {
	file := os.NewFile(uintptr(fd), "telnet client")
	defer file.Close()
	conn, err := net.FileConn(file) // has a descriptor of its own
	if err != nil {
		return nil
	}
	return conn
}
