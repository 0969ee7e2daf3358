package controller_test

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/lanyard-lab/lanyard/controller"
)

func TestUDPPortsAreGivenOutOnce(t *testing.T) {
	c := start(t)
	p := project(t, c)
	taken, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 22001})
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var got []int
	for range 3 {
		port, err := p.AllocateUDP(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, port)
	}
	if got[0] != 22000 || got[1] != 22002 || got[2] != 22003 {
		t.Errorf("ports = %v, want 22000 22002 22003: 22001 belongs to another program", got)
	}
}

func TestNIOs(t *testing.T) {
	c := start(t)
	p := project(t, c)
	a, b := node(t, p, "PC1"), node(t, p, "PC2")
	lport, _ := p.AllocateUDP(t.Context())
	rport, _ := p.AllocateUDP(t.Context())
	good := controller.NIO{Type: "nio_udp", LocalPort: lport, RemoteHost: "127.0.0.1", RemotePort: rport}
	if err := a.AttachNIO(t.Context(), 0, 0, good); err != nil {
		t.Fatalf("AttachNIO() = %v", err)
	}
	named := good
	named.RemoteHost = "localhost"
	if err := a.AttachNIO(t.Context(), 0, 0, named); err != nil {
		t.Errorf("AttachNIO() with a host name = %v", err)
	}
	if err := a.AttachNIO(t.Context(), 0, 0, good); err != nil {
		t.Errorf("the same AttachNIO() again = %v", err)
	}
	if err := b.AttachNIO(t.Context(), 0, 0, good); codeOf(err) != controller.Conflict {
		t.Errorf("AttachNIO() with an occupied port = %v, want Conflict", err)
	}
	if err := b.AttachNIO(t.Context(), 1, 0, controller.NIO{Type: "nio_udp", LocalPort: rport, RemoteHost: "127.0.0.1", RemotePort: lport}); codeOf(err) != controller.Conflict {
		t.Errorf("AttachNIO() on adapter 1 = %v, want Conflict", err)
	}
	err := b.AttachNIO(t.Context(), 0, 0, controller.NIO{Type: "nio_pigeon", LocalPort: rport, RemoteHost: "127.0.0.1", RemotePort: lport})
	if codeOf(err) != controller.Invalid || !strings.Contains(err.Error(), "nio_udp") {
		t.Errorf("AttachNIO() of an unknown type = %v, want Invalid with the list", err)
	}
	_, err = p.CreateLink(t.Context(), controller.LinkSpec{Ends: [2]controller.LinkEnd{{NodeID: a.View().ID}, {NodeID: b.View().ID}}})
	if codeOf(err) != controller.Conflict {
		t.Errorf("CreateLink() at a port with a NIO = %v, want Conflict", err)
	}
	path, err := a.StartCapture(t.Context(), 0, 0, controller.CaptureSpec{FileName: "a.pcap", LinkType: "DLT_EN10MB"})
	if err != nil {
		t.Fatalf("StartCapture() = %v", err)
	}
	if _, err := a.StartCapture(t.Context(), 0, 0, controller.CaptureSpec{FileName: "b.pcap", LinkType: "DLT_EN10MB"}); codeOf(err) != controller.Conflict {
		t.Errorf("a second StartCapture() = %v, want Conflict", err)
	}
	if _, err := a.StartCapture(t.Context(), 0, 0, controller.CaptureSpec{FileName: "../b.pcap", LinkType: "DLT_EN10MB"}); codeOf(err) != controller.Invalid {
		t.Errorf("StartCapture(../b.pcap) = %v, want Invalid", err)
	}
	if err := a.StopCapture(t.Context(), 0, 0); err != nil {
		t.Fatalf("StopCapture() = %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 24 {
		t.Errorf("capture of nothing = %v, %v; want a pcap header of 24 bytes", info, err)
	}
	if err := a.DetachNIO(t.Context(), 0, 0); err != nil {
		t.Fatalf("DetachNIO() = %v", err)
	}
	if err := a.DetachNIO(t.Context(), 0, 0); codeOf(err) != controller.NotFound {
		t.Errorf("a second DetachNIO() = %v, want NotFound", err)
	}
	if port, err := p.AllocateUDP(t.Context()); err != nil || port != lport {
		t.Errorf("AllocateUDP() after DetachNIO = %d, %v; want %d again", port, err, lport)
	}
}
