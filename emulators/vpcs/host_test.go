package vpcs

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lanyard-lab/lanyard/emulators"
)

// TestNeighbours starts vpcs's whose ports are where the others' relays would be.
func TestNeighbours(t *testing.T) {
	e := New(realVPCS(t))
	first := freePort(t)
	// One step down the ladder is the relay port of the next.
	var specs []emulators.Spec
	for i := range 3 {
		local := netip.AddrPortFrom(first.Addr(), first.Port()-uint16(i*relayOffset))
		s, _ := spec(t, local, freePort(t), byte(i))
		specs = append(specs, s)
	}
	// The lowest first, while it runs the one above, and so on; then all at once.
	for _, together := range []bool{false, true} {
		var wg sync.WaitGroup
		var running sync.Map
		for i := range slices.Backward(specs) {
			begin := func() {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				if made, err := e.Start(ctx, specs[i]); err != nil {
					t.Error(err)
				} else {
					running.Store(i, made)
				}
			}
			if together {
				wg.Go(begin)
			} else {
				begin()
			}
		}
		wg.Wait()
		for _, made := range running.Range {
			stop(t, made.(emulators.Instance))
		}
	}
}

func TestUDPPortTaken(t *testing.T) {
	local := freePort(t)
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(local))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, _ := spec(t, local, freePort(t), 1)
	_, err = New(realVPCS(t)).Start(t.Context(), s)
	if err == nil || !strings.Contains(err.Error(), "UDP port") || !strings.Contains(err.Error(), fmt.Sprintf("Open port %d error", local.Port())) {
		t.Errorf("Start = %v", err)
	}
	if left := processes(t, s.Folder); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestNoProgramsOnTheHost(t *testing.T) {
	s, console := spec(t, freePort(t), freePort(t), 1)
	i := start(t, s)
	made := filepath.Join(s.Folder, "made")
	fmt.Fprintf(i, "! touch %s\rtouch %s\x1b[1~! \r\x10!touch made\rshow echo\r", made, made)
	console.expect(t, 0, "Echo Off")
	if exists(made) {
		t.Error("the console ran a program on the host")
	}
	stop(t, i)
	for _, tc := range []struct{ name, text, want string }{
		{script, "set pcname A\n  ! touch made\n", "line 2 of its startup.vpc runs a program"},
		{history, "!touch made\r\n", "line 1 of its vpcs.hist runs a program"},
		{script, strings.Repeat("x", 127) + "! touch made\n", "line 1 of its startup.vpc runs a program"},
		{script, "echo hello!\n", ""},
	} {
		s, _ := spec(t, freePort(t), freePort(t), 1)
		if err := os.WriteFile(filepath.Join(s.Folder, tc.name), []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := New(i.cmd.Path).Check(t.Context(), s)
		if v, _ := ask(t.Context(), i.cmd.Path, s.Spawn); !v.hasShell() {
			tc.want = "" // it has no such command
		}
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %q: Check = %v, want %q", tc.name, tc.text, err, tc.want)
		}
	}
}

func TestScriptIsPlainFile(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"link":   func(path string) error { return os.Symlink("/etc/passwd", path) },
		"folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"pipe":   func(path string) error { return unix.Mkfifo(path, 0o600) },
		"huge":   func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		s, _ := spec(t, freePort(t), freePort(t), 1)
		path := filepath.Join(s.Folder, script)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		if name == "huge" {
			if err := os.Truncate(path, fileLimit+1); err != nil {
				t.Fatal(err)
			}
		}
		if err := New(realVPCS(t)).Check(t.Context(), s); err == nil || !strings.Contains(err.Error(), "startup.vpc is not a plain file") {
			t.Errorf("%s: Check = %v", name, err)
		}
	}
}
