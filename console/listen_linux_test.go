package console

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

const patience = 60 * time.Second

func listen(t testing.TB, h *Hub) string {
	t.Helper()
	if err := h.Listen(acceptor(t), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h.Addr().String()
}

func acceptor(t testing.TB) *Acceptor {
	t.Helper()
	a := NewAcceptor()
	t.Cleanup(a.Close)
	return a
}

func dial(t testing.TB, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// readUntil reads until want was seen, and returns all that came.
func readUntil(t testing.TB, r io.Reader, want string) string {
	t.Helper()
	var got []byte
	buffer := make([]byte, 32<<10)
	for n := 0; !bytes.Contains(got[max(0, len(got)-n-len(want)):], []byte(want)); {
		var err error
		n, err = r.Read(buffer)
		got = append(got, buffer[:n]...)
		if err != nil {
			t.Errorf("%v before %q, after %q", err, want, got[max(0, len(got)-200):])
			break
		}
	}
	return string(got)
}

func TestListenOnTakenPort(t *testing.T) {
	taken := listen(t, New("PC1", 0))
	h := New("PC2", 0)
	defer h.Close()
	err := h.Listen(acceptor(t), taken)
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("Listen(taken) = %v, want EADDRINUSE", err)
	}
	if h.Addr() != nil {
		t.Errorf("Addr() = %v, want nil", h.Addr())
	}
}

// TestListenOn takes the port first: who comes before the line is connected
// waits for it and sees nothing of a stopped node.
func TestListenOn(t *testing.T) {
	port, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	client := dial(t, port.Addr().String())
	h := New("PC1", 100)
	defer h.Close()
	h.Connect(&line{}, nil)
	if err := h.ListenOn(acceptor(t), port); err != nil {
		t.Fatal(err)
	}
	write(h, "PC1> ")
	if got := readUntil(t, client, "PC1> "); strings.Contains(got, "stopped") {
		t.Errorf("an early client saw %q", got)
	}
}

func TestListenAgainMovesListener(t *testing.T) {
	h := New("PC1", 100)
	first := listen(t, h)
	client := dial(t, first)
	readUntil(t, client, "stopped\r\n")
	second := listen(t, h)
	if conn, err := net.Dial("tcp", first); err == nil {
		_ = conn.Close()
		t.Errorf("the old address %s still answers", first)
	}
	readUntil(t, dial(t, second), "stopped\r\n")
	h.Connect(&line{}, nil)
	write(h, "still here")
	readUntil(t, client, "still here")
	_ = h.Close()
	if err := h.Listen(acceptor(t), "127.0.0.1:0"); !errors.Is(err, ErrClosed) {
		t.Errorf("Listen() after Close = %v, want ErrClosed", err)
	}
}

// TestManyListeners has more clients than one look of the acceptor takes, while
// listeners come and go.
func TestManyListeners(t *testing.T) {
	a := acceptor(t)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			h := New(fmt.Sprint("PC", i), 100)
			defer h.Close()
			if err := h.Listen(a, "127.0.0.1:0"); err != nil {
				t.Error(err)
				return
			}
			for range 3 {
				conn, err := net.Dial("tcp", h.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				_ = conn.SetDeadline(time.Now().Add(patience))
				readUntil(t, conn, fmt.Sprintf("PC%d is stopped", i))
				_ = conn.Close()
				if err := h.Listen(a, "127.0.0.1:0"); err != nil {
					t.Error(err)
				}
			}
			address := h.Addr().String()
			h.Deafen()
			if conn, err := net.Dial("tcp", address); err == nil {
				_ = conn.Close()
				t.Errorf("a hub that was made deaf still listens on %s", address)
			}
		})
	}
	all.Wait()
	if n := len(a.listeners); n != 0 {
		t.Errorf("%d listeners are left", n)
	}
}

// TestStuckTelnetClient has 50 clients that read and one that never does.
func TestStuckTelnetClient(t *testing.T) {
	before := runtime.NumGoroutine() + 1 // the acceptor
	h := New("PC1", 64<<10)
	address := listen(t, h)
	h.Connect(&line{}, nil)
	write(h, "banner\r\n")
	stuck := dial(t, address)

	const clients, rounds, size = 50, 15, 100 << 10
	var all sync.WaitGroup
	seen := make(chan struct{}, clients)
	for range clients {
		conn := dial(t, address)
		readUntil(t, conn, "banner\r\n")
		all.Go(func() {
			for i := range rounds {
				got := readUntil(t, conn, fmt.Sprintf("round %d.", i))
				if len(got) < size {
					t.Errorf("round %d: %d bytes, want %d", i, len(got), size)
				}
				seen <- struct{}{}
			}
		})
	}
	output := strings.Repeat("0123456789abcdef", size/16)
	for i := range rounds {
		write(h, output)
		write(h, fmt.Sprintf("round %d.", i))
		for range clients {
			<-seen
		}
	}
	all.Wait()
	n, err := io.Copy(io.Discard, stuck)
	if err == nil || n >= rounds*size {
		t.Errorf("the stuck client got %d bytes and %v, want a reset before the end", n, err)
	}
	_ = h.Close()
	waitFor(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

func waitFor(t *testing.T, what string, fact func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for !fact() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited too long for %s", what)
		}
	}
}

func TestHangUpDeliversTheEnd(t *testing.T) {
	h := New("PC1", 100)
	address := listen(t, h)
	h.Connect(hangUp{h}, nil)
	conn := dial(t, address)
	// More is typed than is ever used: it must not cost the client the answer.
	_, err := io.WriteString(conn, "disconnect\r\n"+strings.Repeat("more", 10_000))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil || !strings.HasSuffix(string(got), "Good-bye\r\n") {
		t.Errorf("client got %q, %v, want the Good-bye and the end", got, err)
	}
}

// hangUp is an instance that says good-bye to whoever types.
type hangUp struct{ hub *Hub }

func (u hangUp) Write(p []byte) (int, error) {
	write(u.hub, strings.Repeat(".", 50_000)+"\r\nGood-bye\r\n")
	u.hub.HangUp()
	return len(p), nil
}

func TestUrgentDataIsPartOfTheStream(t *testing.T) {
	h := New("PC1", 100)
	l := &line{}
	h.Connect(l, nil)
	conn := dial(t, listen(t, h)).(*net.TCPConn)
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		if err := syscall.Sendto(int(fd), []byte("a\xff\xf2"), syscall.MSG_OOB, nil); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "b")
	waitFor(t, "the line to get what was typed", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return string(l.typed) == "ab"
	})
}

// TestDebianTelnet types into the hub with a real telnet client on a terminal.
func TestDebianTelnet(t *testing.T) {
	program, err := exec.LookPath("telnet")
	if err != nil {
		if os.Getenv("REQUIRE_TOOLS") == "1" {
			t.Fatal(err)
		}
		t.Skip("telnet is not installed")
	}
	h := New("PC1", 1000)
	l := &line{}
	h.Connect(l, l.resize)
	write(h, "\r\n\rPC1> ")
	host, port, _ := net.SplitHostPort(listen(t, h))

	command := exec.Command(program, host, port)
	command.Env = append(os.Environ(), "TERM=xterm", "LC_ALL=C.UTF-8")
	terminal, err := pty.StartWithSize(command, &pty.Winsize{Cols: 91, Rows: 33})
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	killer := time.AfterFunc(patience, func() { _ = command.Process.Kill() })
	defer killer.Stop()

	readUntil(t, terminal, "\r\n\rPC1> ")
	typed := func(want string) func() bool {
		return func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return string(l.typed) == want
		}
	}
	_, _ = io.WriteString(terminal, "i")
	waitFor(t, "one character without Enter", typed("i"))
	_, _ = io.WriteString(terminal, "p\r\x03\xc3\xa9")
	waitFor(t, "Enter as one CR, Ctrl-C and UTF-8", typed("ip\r\x03\xc3\xa9"))
	l.check(t, "ip\r\x03\xc3\xa9", 91, 33)

	write(h, "\xff caf\xc3\xa9 \x1b[1m.\r\nGood-bye\r\n")
	h.HangUp()
	got := readUntil(t, terminal, "closed by foreign host")
	if !strings.HasPrefix(got, "\xff caf\xc3\xa9 \x1b[1m.\r\nGood-bye\r\n") {
		t.Errorf("telnet printed %q", got)
	}
	_ = command.Wait()
}

// BenchmarkIdleHub tells the memory of a hub that listens and printed a banner.
func BenchmarkIdleHub(b *testing.B) {
	const hubs = 1000
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		goroutines := runtime.NumGoroutine()
		all := make([]*Hub, hubs)
		a := acceptor(b)
		banner := strings.Repeat("x", 1024)
		for i := range all {
			all[i] = New("PC1", 64<<10)
			if err := all[i].Listen(a, "127.0.0.1:0"); err != nil {
				b.Fatal(err)
			}
			write(all[i], banner)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/hubs, "heap-B/hub")
		b.ReportMetric(float64(after.StackInuse-before.StackInuse)/hubs, "stack-B/hub")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/hubs, "goroutines/hub")
		for _, h := range all {
			_ = h.Close()
		}
	}
}
