package pc

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lanyard-lab/lanyard/emulators/pc/stack"
)

// packet is a record of a pcap file.
type packet struct {
	at    time.Time
	frame []byte
}

func readPcap(t *testing.T, data []byte) (packets []packet) {
	t.Helper()
	for p := data[24:]; len(p) > 0; {
		le := binary.LittleEndian
		size := le.Uint32(p[8:])
		packets = append(packets, packet{time.Unix(int64(le.Uint32(p)), int64(le.Uint32(p[4:]))*1000), p[16 : 16+size]})
		p = p[16+size:]
	}
	return packets
}

// TestPcapFile writes the packets of vpcs's own file again.
func TestPcapFile(t *testing.T) {
	want, err := os.ReadFile("testdata/0.8.3-set-dump-file.pcap")
	if err != nil {
		t.Fatal(err)
	}
	g := &Group{cfg: GroupConfig{Folder: t.TempDir(), Console: &screenOf{}}}
	w, err := newPcapWriter(g, "x.pcap")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range readPcap(t, want) {
		w.add(p.at, p.frame)
	}
	w.close()
	w.add(time.Now(), []byte("too late"))
	got, _ := os.ReadFile(filepath.Join(g.cfg.Folder, "x.pcap"))
	if !bytes.Equal(got, want) {
		t.Errorf("file\n got %x\nwant %x", got, want)
	}
}

// TestDumpText shows vpcs's own packet as vpcs did.
func TestDumpText(t *testing.T) {
	data, err := os.ReadFile("testdata/0.8.3-set-dump-file.pcap")
	if err != nil {
		t.Fatal(err)
	}
	frame := readPcap(t, data)[0].frame
	for _, tc := range []struct {
		flags dumpFlags
		want  string
	}{
		{dumpFile, "\n\x1b[32m0003.66717\x1b[0m"},
		{dumpMAC, "\n\x1b[32m0003.66717\x1b[0m  \x1b[33m00:50:79:66:68:01 -> ff:ff:ff:ff:ff:ff\n\x1b[0m"},
		{dumpMAC | dumpRaw | dumpDetail, "\n\x1b[32m0003.66717\x1b[0m  \x1b[33m00:50:79:66:68:01 -> ff:ff:ff:ff:ff:ff\n" +
			"0001 0800 0604 0001 0050 7966 6801 0000    .........Pyfh...\n" +
			"0000 ffff ffff ffff 0a01 0101 0000 0000    ................\n" +
			"0000 0000 0000 0000 0000 0000 0000 0000    ................\n" +
			"0000                                       ..\n\n" +
			"ARP, OpCode: 1 (Request)\nEther Address: 00:50:79:66:68:01 -> Broadcast\nWho has 10.1.1.1? Tell 0.0.0.0\n\x1b[0m"},
	} {
		d := dumper{flags: tc.flags}
		if got := d.text(3*time.Second+66717*time.Microsecond, frame); got != tc.want {
			t.Errorf("dump %v\n got %q\nwant %q", tc.flags.orNone(), got, tc.want)
		}
	}
}

// TestDumpFilter checks which packets are shown.
func TestDumpFilter(t *testing.T) {
	mine, other := net.HardwareAddr{0, 1, 2, 3, 4, 5}, net.HardwareAddr{0, 9, 9, 9, 9, 9}
	for _, tc := range []struct {
		name  string
		flags dumpFlags
		sent  bool
		to    net.HardwareAddr
		shown bool
	}{
		{"sent", dumpMAC, true, other, true},
		{"to us", dumpMAC, false, mine, true},
		{"to another", dumpMAC, false, other, false},
		{"to another, all", dumpMAC | dumpAll, false, other, true},
	} {
		screen := &screenOf{}
		d := &dumper{g: &Group{cfg: GroupConfig{Console: screen}}, mac: mine, flags: tc.flags}
		d.tap(tc.sent, time.Now(), append(append(net.HardwareAddr{}, tc.to...), make([]byte, 50)...))
		if shown := screen.take() != ""; shown != tc.shown {
			t.Errorf("%s: shown %v, want %v", tc.name, shown, tc.shown)
		}
	}
}

func TestDumpToFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startPC(t, "PC1", testMAC, nil, nil)
		s.want("set dump file", "\n\ndump flags: file\n")
		s.do("ip 10.1.1.1/24")
		s.want("set dump off", "\n\ndump flags: (none)\n")
		names, _ := filepath.Glob(filepath.Join(s.folder, "vpcs1_20000101000*.pcap"))
		if len(names) != 1 {
			t.Fatalf("files %v", names)
		}
		data, _ := os.ReadFile(names[0])
		if packets := readPcap(t, data); len(packets) < 3 || !bytes.Equal(packets[0].frame[12:14], []byte{8, 6}) {
			t.Errorf("%d packets", len(packets))
		}
	})
}

func FuzzFrames(f *testing.F) {
	f.Add(append(make([]byte, 12), 8, 6, 0, 1))
	f.Add(append(make([]byte, 12), append([]byte{8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 17}, make([]byte, 40)...)...))
	f.Add(append([]byte{2}, make([]byte, 300)...))
	f.Fuzz(func(t *testing.T, frame []byte) {
		var b strings.Builder
		if len(frame) >= 14 {
			describeFrame(&b, frame)
			hexRows(&b, frame[14:])
		}
		b.WriteString(decodeBOOTP(frame))
		for _, r := range b.String() {
			if r != '\n' && (r < ' ' || r > '~') {
				t.Fatalf("unprintable %q in %q", r, b.String())
			}
		}
	})
}

func TestHopLines(t *testing.T) {
	addr := netip.MustParseAddr
	ok := func(from string) stack.Reply {
		return stack.Reply{Kind: stack.Answered, From: addr(from), RTT: time.Millisecond}
	}
	failed := func(from string, kind, code int) stack.Reply {
		return stack.Reply{Kind: stack.ICMPError, From: addr(from), RTT: time.Millisecond, Type: kind, Code: code}
	}
	lost := stack.Reply{Kind: stack.TimedOut}
	for _, tc := range []struct {
		name, dst string
		hop       int
		replies   []stack.Reply
		want      string
		arrived   bool
	}{
		{"router", "10.2.2.13", 1, []stack.Reply{failed("10.1.1.1", 11, 0), failed("10.1.1.1", 11, 0), failed("10.1.1.1", 11, 0)}, " 1   10.1.1.1   1.000 ms  1.000 ms  1.000 ms", false},
		{"target", "10.2.2.13", 2, []stack.Reply{failed("10.2.2.13", 3, 3), failed("10.2.2.13", 3, 3), lost}, " 2   *10.2.2.13   1.000 ms (ICMP type:3, code:3, Destination port unreachable)  *", true},
		{"losses", "10.2.2.13", 12, []stack.Reply{lost, lost, lost}, "12     *  *  *", false},
		{"first lost", "10.2.2.13", 1, []stack.Reply{lost, failed("10.1.1.1", 11, 0), lost}, " 1     *10.1.1.1   1.000 ms  *", false},
		{"refusal", "10.77.0.1", 1, []stack.Reply{failed("10.1.1.1", 3, 1), lost, lost}, " 1   *10.1.1.1   1.000 ms (ICMP type:3, code:1, Destination host unreachable)  *  *", false},
		{"two routers", "10.2.2.13", 2, []stack.Reply{failed("10.1.1.1", 11, 0), failed("10.1.1.2", 11, 0), lost}, " 2   10.1.1.1   1.000 ms  10.1.1.2   1.000 ms  *", false},
		{"IPv6", "2001:db8::9", 1, []stack.Reply{ok("2001:db8::9"), ok("2001:db8::9"), ok("2001:db8::9")}, " 1 2001:db8::9   1.000 ms  1.000 ms  1.000 ms", true},
	} {
		h := newHop(tc.hop, addr(tc.dst))
		for _, r := range tc.replies {
			h.add(r)
		}
		if h.text != tc.want || h.arrived != tc.arrived {
			t.Errorf("%s: %q, arrived %v, want %q", tc.name, h.text, h.arrived, tc.want)
		}
	}
}

func TestPingLines(t *testing.T) {
	v4, v6 := netip.MustParseAddr("10.1.1.1"), netip.MustParseAddr("2001:db8::1")
	for _, tc := range []struct {
		reply stack.Reply
		dst   netip.Addr
		label string
		want  string
	}{
		{stack.Reply{Kind: stack.Answered, From: v4, Size: 84, TTL: 64, RTT: 179 * time.Microsecond}, v4, "icmp", "84 bytes from 10.1.1.1 icmp_seq=1 ttl=64 time=0.179 ms"},
		{stack.Reply{Kind: stack.Answered, From: v6, Size: 84, TTL: 64, RTT: 168 * time.Microsecond}, v6, "udp6", "2001:db8::1 udp6_seq=1 ttl=64 time=0.168 ms"},
		{stack.Reply{Kind: stack.TimedOut}, v4, "tcp", "10.1.1.1 tcp_seq=1 timeout"},
		{stack.Reply{Kind: stack.Self}, v6, "icmp6", "2001:db8::1 icmp_seq=1 ttl=64 time=0.001 ms"},
		{stack.Reply{Kind: stack.ICMPError, From: v4, TTL: 64, RTT: 209 * time.Microsecond, Type: 11}, v4, "icmp", "*10.1.1.1 icmp_seq=1 ttl=64 time=0.209 ms (ICMP type:11, code:0, TTL expired in transit)"},
		{stack.Reply{Kind: stack.ICMPError, From: v4, TTL: 64, Type: 40, Code: 9}, v4, "icmp", "*10.1.1.1 icmp_seq=1 ttl=64 time=0.000 ms (ICMP type:40, code:9)"},
		{stack.Reply{Kind: stack.ICMPError, From: v6, TTL: 64, Type: 2, MTU: 1300}, v6, "icmp6", "*2001:db8::1 icmp6_seq=1 ttl=64 time=0.000 ms (ICMP type:2, code:0, ICMPv6 packet too big) (new MTU 1300)"},
	} {
		if got := pingLine(tc.reply, tc.dst, tc.label, 1); got != tc.want {
			t.Errorf("pingLine(%+v) = %q, want %q", tc.reply, got, tc.want)
		}
	}
}

func TestParsePing(t *testing.T) {
	for _, tc := range []struct {
		args string
		ok   bool
	}{
		{"10.1.1.1", true}, {"10.1.1.1 -c", true}, {"-c 3 10.1.1.1", true}, {"x -z", false}, {"x -f SAx", false}, {"x -f CEUAPRSF", true},
		{"x -c -1", false}, {"x -l 65508", false}, {"x -P 2", false}, {"x -T 0", false}, {"x -T 256", false}, {"x -p 0", false}, {"x y", false}, {"x -ci", false},
	} {
		o, ok := parsePing(tokenize(tc.args))
		if ok != tc.ok {
			t.Errorf("parsePing(%q) = %+v, %v", tc.args, o, ok)
		}
	}
	if o, _ := parsePing(tokenize("x -f CEUAPRSF")); o.flags != 0xff {
		t.Errorf("all flags = %x", o.flags)
	}
	if o, _ := parsePing(tokenize("x -f SA")); o.flags != 0x12 {
		t.Errorf("SYN ACK = %x", o.flags)
	}
}
