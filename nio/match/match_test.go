package match

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// needTcpdump skips a test if tcpdump is missing, unless it must be there.
func needTcpdump(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("tcpdump"); err != nil {
		if os.Getenv("REQUIRE_TOOLS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

func compile(t testing.TB, expression string) *Program {
	t.Helper()
	p, err := Compile(t.Context(), expression, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// frame makes the bytes of layers; lengths and checksums are filled in.
func frame(t testing.TB, of ...gopacket.SerializableLayer) []byte {
	t.Helper()
	buffer := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buffer, options, of...); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func ethernet(kind layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{
		SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2},
		EthernetType: kind,
	}
}

func ipv4(protocol layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{
		Version: 4, TTL: 64, Protocol: protocol,
		SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 1, 2},
	}
}

// frames are one of each kind, by name.
func frames(t testing.TB) map[string][]byte {
	t.Helper()
	arp := &layers.ARP{
		AddrType: 1, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: 1,
		SourceHwAddress: make([]byte, 6), SourceProtAddress: []byte{10, 0, 0, 1},
		DstHwAddress: make([]byte, 6), DstProtAddress: []byte{10, 0, 1, 2},
	}
	echo := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0)}
	ip, tcpIP := ipv4(layers.IPProtocolUDP), ipv4(layers.IPProtocolTCP)
	dns := &layers.UDP{SrcPort: 40000, DstPort: 53}
	syn := &layers.TCP{SrcPort: 40001, DstPort: 80, SYN: true}
	ip6 := &layers.IPv6{
		Version: 6, NextHeader: layers.IPProtocolUDP, HopLimit: 64,
		SrcIP: net.IP(netip.MustParseAddr("fd00::1").AsSlice()), DstIP: net.IP(netip.MustParseAddr("fd00::2").AsSlice()),
	}
	ntp := &layers.UDP{SrcPort: 123, DstPort: 123}
	for _, err := range []error{
		dns.SetNetworkLayerForChecksum(ip), syn.SetNetworkLayerForChecksum(tcpIP), ntp.SetNetworkLayerForChecksum(ip6),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return map[string][]byte{
		"arp":  frame(t, ethernet(layers.EthernetTypeARP), arp),
		"ping": frame(t, ethernet(layers.EthernetTypeIPv4), ipv4(layers.IPProtocolICMPv4), echo, gopacket.Payload("hello")),
		"dns":  frame(t, ethernet(layers.EthernetTypeIPv4), ip, dns, gopacket.Payload("question")),
		"syn":  frame(t, ethernet(layers.EthernetTypeIPv4), tcpIP, syn),
		"ntp6": frame(t, ethernet(layers.EthernetTypeIPv6), ip6, ntp, gopacket.Payload(make([]byte, 1200))),
		"vlan": frame(t, ethernet(layers.EthernetTypeDot1Q), &layers.Dot1Q{VLANIdentifier: 10, Type: layers.EthernetTypeIPv4},
			ipv4(layers.IPProtocolICMPv4), echo),
		"short": make([]byte, 14),
	}
}

func TestMatch(t *testing.T) {
	needTcpdump(t)
	all := frames(t)
	for _, tc := range []struct {
		expression string
		matches    string
	}{
		{"arp", "arp"},
		{"icmp", "ping"},
		{"ip", "ping dns syn"},
		{"ip6", "ntp6"},
		{"udp", "dns ntp6"},
		{"udp port 53", "dns"},
		{"port 53 or port 80", "dns syn"},
		{"tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn", "syn"},
		{"not ip and not arp", "ntp6 vlan short"},
		{"vlan 10", "vlan"},
		{"vlan 10 and icmp", "vlan"},
		{"arp or vlan 11", "arp"},
		{"host 10.0.1.2", "arp ping dns syn"},
		{"src net 10.0.0.0/24 and udp", "dns"},
		{"ip6 host fd00::2", "ntp6"},
		{"ether src 02:00:00:00:00:01 and ether[6] & 1 = 0", "arp ping dns syn ntp6 vlan"},
		{"greater 1000", "ntp6"},
		{"len < 20", "short"},
		{"icmp[icmptype] = icmp-echo", "ping"},
		{"ip[8] = 64 and ip[2:2] > 30", "ping dns syn"},
		{"udp[8:4] = 0x71756573", "dns"},
		{"-0 = 0 and less 14", "short"}, // begins like an option
	} {
		t.Run(tc.expression, func(t *testing.T) {
			program := compile(t, tc.expression)
			for name, f := range all {
				want := strings.Contains(" "+tc.matches+" ", " "+name+" ")
				if got := program.Match(f); got != want {
					t.Errorf("Match(%s) = %v, want %v", name, got, want)
				}
			}
		})
	}
}

func TestCompileRefuses(t *testing.T) {
	needTcpdump(t)
	for _, tc := range []struct{ name, expression, words string }{
		{"syntax", "foo bar baz", `"foo bar baz": can't parse filter expression: syntax error`},
		{"empty", "", "it is empty"},
		{"blank", " \t", "it is empty"},
		{"line break", "icmp\nudp", "line break"},
		{"zero byte", "icmp\x00", "zero byte"},
		{"too long", strings.Repeat("(", MaxExpression+1), "it has 4097 bytes, allowed are 4096"},
		{"option", "-w/dev/null", "syntax error"},
		{"long option", "--version", "syntax error"},
		{"file", "-F/etc/passwd", "syntax error"},
		{"never true", "ip and arp", "expression rejects all packets"},
		{"kernel only", "inbound", "direction"},
		{"port", "port 70000", "illegal port number"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Compile(t.Context(), tc.expression, nil)
			if err == nil || !strings.Contains(err.Error(), tc.words) {
				t.Fatalf("Compile(%q) = %v, want %q in it", tc.expression, err, tc.words)
			}
			if errors.Is(err, ErrNoCompiler) {
				t.Errorf("Compile(%q) blames the compiler: %v", tc.expression, err)
			}
			if strings.Contains(err.Error(), "tcpdump: ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("Compile(%q) does not clean its message: %q", tc.expression, err)
			}
		})
	}
}

func TestCompileWithoutTcpdump(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Compile(t.Context(), "icmp", nil); !errors.Is(err, ErrNoCompiler) {
		t.Errorf("Compile without tcpdump = %v, want ErrNoCompiler", err)
	}
}

func TestCompileWhenNothingCanBeStarted(t *testing.T) {
	needTcpdump(t)
	refuse := func(*exec.Cmd) error { return errors.New("no more processes") }
	_, err := Compile(t.Context(), "icmp", refuse)
	if !errors.Is(err, ErrNoCompiler) || !strings.Contains(err.Error(), "no more processes") {
		t.Errorf("Compile = %v, want ErrNoCompiler with the cause", err)
	}
}

func TestCompileUsesSpawn(t *testing.T) {
	needTcpdump(t)
	started := 0
	spawn := func(cmd *exec.Cmd) error { started++; return cmd.Start() }
	if _, err := Compile(t.Context(), "icmp", spawn); err != nil || started != 1 {
		t.Errorf("Compile = %v, spawn was called %d times", err, started)
	}
}

// fakeTcpdump puts a shell script in tcpdump's place.
func fakeTcpdump(t *testing.T, script string) {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(folder+"/tcpdump", []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
}

func TestCompileEndsWithItsContext(t *testing.T) {
	fakeTcpdump(t, "exec sleep 60")
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the client is gone")
	spawn := func(cmd *exec.Cmd) error {
		err := cmd.Start()
		cancel(why)
		return err
	}
	begun := time.Now()
	if _, err := Compile(ctx, "icmp", spawn); !errors.Is(err, why) {
		t.Errorf("Compile = %v, want %v", err, why)
	}
	if took := time.Since(begun); took > 4*time.Second {
		t.Errorf("Compile took %v to give up", took)
	}
}

func TestCompileBoundsOutput(t *testing.T) {
	for _, script := range []string{"yes 1 2 3 4 | head -c 3000000", "head -c 3000000 /dev/zero >&2; exit 1"} {
		fakeTcpdump(t, script)
		_, err := Compile(t.Context(), "icmp", nil)
		if err == nil || len(err.Error()) > 8<<10 {
			t.Errorf("Compile with %q = error of %d bytes", script, len(fmt.Sprint(err)))
		}
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	needTcpdump(t)
	program, all := compile(t, "tcp port 80 or (vlan and udp)"), frames(t)
	var sum atomic.Int64
	if n := testing.AllocsPerRun(100, func() {
		for _, f := range all {
			if program.Match(f) {
				sum.Add(1)
			}
		}
	}); n != 0 {
		t.Errorf("Match allocates %v times", n)
	}
	if sum.Load() == 0 {
		t.Error("Match is never true")
	}
}

func BenchmarkMatch(b *testing.B) {
	needTcpdump(b)
	program, f := compile(b, "udp port 53"), frames(b)["syn"]
	for b.Loop() {
		program.Match(f)
	}
}
