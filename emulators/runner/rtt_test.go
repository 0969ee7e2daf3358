package runner

import (
	"net"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

// freeUDP finds two UDP ports of 127.0.0.1 that nobody uses just now.
func freeUDP(t *testing.T) (ports [2]int) {
	t.Helper()
	for i := range ports {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ports[i] = c.LocalAddr().(*net.UDPAddr).Port
	}
	return ports
}

// echoFrame is an ICMP echo request (8) or reply (0).
func echoFrame(kind, id, seq byte) []byte {
	f := make([]byte, 14+20+8)
	f[12], f[14], f[23] = 0x08, 0x45, 1
	f[34], f[39], f[41] = kind, id, seq
	return f
}

func TestRTT(t *testing.T) {
	m := &rtt{}
	for seq := range byte(3) {
		m.Frames(nio.Forth, [][]byte{echoFrame(8, 1, seq)})
	}
	replies := rttReplies{m}
	replies.Frames(nio.Forth, [][]byte{echoFrame(0, 1, 1)}) // in the same direction: no answer
	replies.Frames(nio.Back, [][]byte{echoFrame(0, 2, 1)})  // to somebody else
	if got := m.last(); got != 0 {
		t.Errorf("round trip time without an answer = %v", got)
	}
	replies.Frames(nio.Back, [][]byte{echoFrame(0, 1, 1)})
	if got := m.last(); got <= 0 || got > patience {
		t.Errorf("round trip time = %v", got)
	}
	first := m.last()
	m.request(7, time.Unix(0, 0))
	m.reply(7, time.Unix(0, 5000))
	if got := m.last(); got != 5*time.Microsecond {
		t.Errorf("round trip time = %v after one of %v, want 5µs", got, first)
	}
}

func FuzzICMPEcho(f *testing.F) {
	f.Add(echoFrame(8, 1, 2))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, frame []byte) {
		kind, _, ok := icmpEcho(frame)
		if ok && kind != 0 && kind != 8 {
			t.Errorf("icmpEcho(%x) = kind %d", frame, kind)
		}
	})
}
