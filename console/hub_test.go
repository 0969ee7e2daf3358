package console

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// line is an instance that records what is typed and its window size.
type line struct {
	mu      sync.Mutex
	typed   []byte
	columns int
	rows    int
}

func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.typed = append(l.typed, p...)
	return len(p), nil
}

func (l *line) resize(columns, rows int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.columns, l.rows = columns, rows
	return nil
}

func (l *line) check(t *testing.T, typed string, columns, rows int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if string(l.typed) != typed || l.columns != columns || l.rows != rows {
		t.Errorf("line got %q, size %dx%d, want %q, %dx%d", l.typed, l.columns, l.rows, typed, columns, rows)
	}
}

// viewer is the far end of a client in a synctest bubble.
type viewer struct {
	net.Conn
	served chan error

	mu   sync.Mutex
	seen []byte
	end  error
}

// view makes a client; one that is deaf reads nothing.
func view(h *Hub, t *telnet, deaf bool) *viewer {
	ours, theirs := net.Pipe()
	v := &viewer{Conn: theirs, served: make(chan error, 1)}
	go func() { v.served <- h.serve(ours, t) }()
	if deaf {
		return v
	}
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := theirs.Read(buffer)
			v.mu.Lock()
			v.seen = append(v.seen, buffer[:n]...)
			v.end = err
			v.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return v
}

// take returns what came since the last time.
func (v *viewer) take() string {
	synctest.Wait()
	v.mu.Lock()
	defer v.mu.Unlock()
	s := string(v.seen)
	v.seen = nil
	return s
}

func (v *viewer) wantOutput(t *testing.T, want string) {
	t.Helper()
	if got := v.take(); got != want {
		t.Errorf("client got %q, want %q", got, want)
	}
}

func (v *viewer) typeIn(t *testing.T, s string) {
	t.Helper()
	if _, err := io.WriteString(v, s); err != nil {
		t.Fatalf("cannot type %q: %v", s, err)
	}
	synctest.Wait()
}

func write(h *Hub, s string) { _, _ = io.WriteString(h, s) }

func TestHubSharesOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New("PC1", 1000)
		defer h.Close()
		l := &line{}
		h.Connect(l, l.resize)
		write(h, "banner\xff\r\n")
		raw, tel := view(h, nil, false), view(h, newTelnet(), false)
		raw.wantOutput(t, "banner\xff\r\n")
		tel.wantOutput(t, string(greeting[:])+"banner\xff\xff\r\n")
		write(h, "PC1> \xff")
		raw.wantOutput(t, "PC1> \xff")
		tel.wantOutput(t, "PC1> \xff\xff")
		raw.typeIn(t, "ip\r\n")
		tel.typeIn(t, "show\r\n\xff\xff")
		l.check(t, "ip\r\nshow\r\xff", 0, 0)
		tel.typeIn(t, "\xff\xf6\xff\xf6") // AYT, answered once a second
		tel.wantOutput(t, "\r\n[PC1]\r\n")
		raw.wantOutput(t, "")
	})
}

func TestHubHangsUpWhoTypedLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New("PC1", 1000)
		defer h.Close()
		l := &line{}
		h.Connect(l, nil)
		a, b := view(h, nil, false), view(h, newTelnet(), false)
		b.take()
		h.HangUp() // nobody typed
		a.typeIn(t, "x")
		b.typeIn(t, "disconnect\r")
		write(h, "\r\nGood-bye\r\n")
		h.HangUp()
		write(h, "later")
		b.wantOutput(t, "\r\nGood-bye\r\n")
		a.wantOutput(t, "\r\nGood-bye\r\nlater")
		if b.end == nil {
			t.Error("client that typed last is still connected")
		}
		if err := <-b.served; err != nil {
			t.Errorf("Serve() = %v, want nil", err)
		}
		h.HangUp() // who typed last has left
		write(h, "!")
		a.wantOutput(t, "!")
	})
}

func TestHubTellsThatNodeIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New("PC1", 1000)
		defer h.Close()
		a := view(h, nil, false)
		a.wantOutput(t, "\r\nPC1 is stopped\r\n")
		l := &line{}
		h.Connect(l, nil)
		write(h, "PC1> ")
		h.Disconnect("PC1 was killed.")
		h.Disconnect("PC1 was killed.")
		b := view(h, nil, false)
		a.wantOutput(t, "PC1> \r\nPC1 was killed.\r\n")
		b.wantOutput(t, "PC1> \r\nPC1 was killed.\r\n")
		for range 100 {
			a.typeIn(t, "x")
		}
		a.wantOutput(t, "\r\nPC1 was killed.\r\n")
		b.wantOutput(t, "")
		time.Sleep(noticeEvery)
		a.typeIn(t, "y")
		a.wantOutput(t, "\r\nPC1 was killed.\r\n")
		l.check(t, "", 0, 0)
		h.Connect(l, nil)
		a.typeIn(t, "z")
		a.wantOutput(t, "")
		l.check(t, "z", 0, 0)
		h.Connect(nil, nil)
		b.wantOutput(t, "\r\nPC1 was killed.\r\n")
	})
}

func TestHubWindowSizeFollowsWhoTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New("PC1", 0)
		defer h.Close()
		l := &line{}
		h.Connect(l, l.resize)
		a, b := view(h, newTelnet(), false), view(h, newTelnet(), false)
		a.typeIn(t, "\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0")
		l.check(t, "", 80, 24)
		b.typeIn(t, "\xff\xfa\x1f\x00\x64\x00\x1e\xff\xf0")
		l.check(t, "", 100, 30)
		a.typeIn(t, "a")
		l.check(t, "a", 80, 24)
		next := &line{}
		h.Connect(next, next.resize)
		next.check(t, "", 80, 24)
	})
}

func TestHubCutsOffStuckClient(t *testing.T) {
	for _, tc := range []struct {
		name  string
		write int           // bytes of output
		after time.Duration // when it must be gone
	}{
		{"one write takes too long", 10, writeLimit},
		{"queue is full", queueLimit + writeChunk, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := New("PC1", 100)
				defer h.Close()
				h.Connect(&line{}, nil)
				stuck, live := view(h, nil, true), view(h, nil, false)
				synctest.Wait()
				start := time.Now()
				piece := strings.Repeat("x", 1000)
				for n := tc.write; n > 0; n -= len(piece) {
					write(h, piece[:min(n, len(piece))])
					synctest.Wait()
				}
				if got := time.Since(start); got != 0 {
					t.Errorf("Write waited %v", got)
				}
				if err := <-stuck.served; !errors.Is(err, ErrCutOff) {
					t.Errorf("Serve() = %v, want ErrCutOff", err)
				}
				if got := time.Since(start); got != tc.after {
					t.Errorf("cut off after %v, want %v", got, tc.after)
				}
				if got := len(live.take()); got != tc.write {
					t.Errorf("the live client got %d bytes, want %d", got, tc.write)
				}
			})
		})
	}
}

func TestHubClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New("PC1", 100)
		a, b := view(h, nil, false), view(h, newTelnet(), true)
		synctest.Wait()
		for range 2 {
			if err := h.Close(); err != nil {
				t.Errorf("Close() = %v", err)
			}
		}
		for _, v := range []*viewer{a, b, view(h, nil, true)} {
			if err := <-v.served; !errors.Is(err, ErrClosed) {
				t.Errorf("Serve() = %v, want ErrClosed", err)
			}
		}
		if n, err := h.Write([]byte("late")); n != 4 || err != nil {
			t.Errorf("Write() after Close = %d, %v", n, err)
		}
		h.HangUp()
	})
}
