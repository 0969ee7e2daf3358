package pc

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/emulators/pc/pctest"
	"github.com/lanyard-lab/lanyard/nio"
)

// pair starts two PCs on one cable, with addresses.
func pair(t *testing.T) (a, b *session) {
	t.Helper()
	left, right := nio.Pipe()
	a = startPC(t, "PC1", "00:50:79:66:68:00", left, nil)
	b = startPC(t, "PC2", "00:50:79:66:68:01", right, nil)
	a.want("ip 192.168.1.1", "\nChecking for duplicate address...\nPC1 : 192.168.1.1 255.255.255.0\n")
	b.want("ip 192.168.1.2", "\nChecking for duplicate address...\nPC2 : 192.168.1.2 255.255.255.0\n")
	return a, b
}

// TestPingPair is what the product is for: a blank line, then a line a second.
func TestPingPair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := pair(t)
		start := time.Now()
		out := b.do("ping 192.168.1.1")
		line := regexp.MustCompile(`^84 bytes from 192\.168\.1\.1 icmp_seq=\d ttl=64 time=\d+\.\d{3} ms$`)
		lines := strings.Split(out, "\r\n")
		if len(lines) != 9 || lines[0] != "ping 192.168.1.1" || lines[1] != "" || lines[8] != "\rPC2> " {
			t.Fatalf("ping: %q", out)
		}
		for i, l := range lines[2:7] {
			if !line.MatchString(l) || !strings.Contains(l, "seq="+string(rune('1'+i))+" ") {
				t.Errorf("line %d: %q", i+1, l)
			}
		}
		if took := time.Since(start).Round(100 * time.Millisecond); took != 4*time.Second {
			t.Errorf("five packets took %v", took)
		}
	})
}

func TestSuspendDropsFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t)
		b.do("ping 192.168.1.1 -c 1")
		_ = a.group.Suspend(t.Context())
		b.want("ping 192.168.1.1 -c 1", "\n\n192.168.1.1 icmp_seq=1 timeout\n")
		_ = a.group.Resume(t.Context())
		if out := b.do("ping 192.168.1.1 -c 1"); !strings.Contains(out, "84 bytes from 192.168.1.1") {
			t.Errorf("ping after resume: %q", out)
		}
	})
}

// TestDuplicateAddress keeps the old address, which vpcs would wipe.
func TestDuplicateAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := pair(t)
		b.want("ip 192.168.1.1", "\nChecking for duplicate address...\n192.168.1.1 is being used by MAC 00:50:79:66:68:00\nAddress not changed\n")
		if out := b.do("show ip"); !strings.Contains(out, "IP/MASK     : 192.168.1.2/24\r\n") {
			t.Errorf("show ip: %q", out)
		}
	})
}

// TestPingProtocols uses everything that ping can send, over one cable.
func TestPingProtocols(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := pair(t)
		for _, tc := range []struct{ line, want string }{
			{"ping 192.168.1.1 -c 1 -l 3000", "3028 bytes from 192.168.1.1 icmp_seq=1 ttl=64 time="},
			{"ping 192.168.1.1 -2 -c 1", "84 bytes from 192.168.1.1 udp_seq=1 ttl=64 time="},
			{"ping 192.168.1.2 -c 1", "\n192.168.1.2 icmp_seq=1 ttl=64 time=0.001 ms"},
			{"ping 192.168.1.9 -c 2", "host (192.168.1.9) not reachable"},
			{"ping 10.0.0.1 -c 2", "No gateway found"},
			{"ping fe80::250:79ff:fe66:6800 -c 1", "fe80::250:79ff:fe66:6800 icmp6_seq=1 ttl=64 time="},
			{"ping fe80::250:79ff:fe66:6800 -c 1 -l 2000", "fe80::250:79ff:fe66:6800 icmp6_seq=1 ttl=64 time="},
			{"trace 192.168.1.1 -P 1", "\n 1   192.168.1.1   "},
		} {
			if out := b.do(tc.line); !strings.Contains(out, tc.want) {
				t.Errorf("%s: %q", tc.line, out)
			}
		}
	})
}

// TestTCPTranscripts replays the lines that need netstack, in real time: its
// goroutines wait in a way that a synctest bubble does not see.
func TestTCPTranscripts(t *testing.T) {
	lab := pctest.New()
	realPC(t, "PC2", "00:50:79:66:68:02", lab.PlugA(), "ip 10.1.1.12/24 10.1.1.1\nip 2001:db8:1::12/64\n")
	pc, screen := realPC(t, "PC1", testMAC, lab.PlugA(), "ip 10.1.1.11/24 10.1.1.1\nip 2001:db8:1::11/64\n")
	dropped := map[string]string{
		"ping 10.1.1.1 -3 -p 8080 -c 2": "the router of the lab has no TCP server",
		"trace 10.2.2.13 -P 6":          icmpLimit,
	}
	played := 0
	for _, section := range []string{"ping4", "trace", "ipv6"} {
		for _, st := range transcript(t, section) {
			if !usesTCP(st.Cmd) || dropped[st.Cmd] != "" {
				continue
			}
			screen.take()
			_, _ = pc.Write([]byte(st.Cmd + "\r"))
			got := expect(t, screen, `\r\n\r\n\rPC1> $`)
			if g, w := normalise(got), normalise(st.Out); g != w {
				t.Errorf("%s: %s\n got %q\nwant %q", section, st.Cmd, g, w)
			}
			played++
		}
	}
	if played != 5 {
		t.Errorf("%d lines played, want 5", played)
	}
}

// realPC starts a PC in real time, and returns when its startup script is done.
func realPC(t *testing.T, name, mac string, wire nio.NIO, script string) (emulators.Instance, *screenOf) {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "startup.vpc"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	screen := &screenOf{}
	properties, _ := json.Marshal(Properties{MAC: mac})
	instance, err := New().Start(t.Context(), emulators.Spec{Name: name, Folder: folder, Properties: properties,
		Console: screen, Jacks: []emulators.Jack{{NIO: wire}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = instance.Stop(context.Background()) })
	expect(t, screen, name+"> $")
	return instance, screen
}

// expect waits in real time until the screen shows what pattern matches, and
// returns what it showed.
func expect(t *testing.T, screen *screenOf, pattern string) string {
	t.Helper()
	shown := ""
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		shown += screen.take()
		if regexp.MustCompile(pattern).MatchString(shown) {
			return shown
		}
	}
	t.Fatalf("the screen shows %q, want %s", shown, pattern)
	return ""
}
