package vpcs

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/lanyard-lab/lanyard/emulators"
)

func TestBindsAll(t *testing.T) {
	for address, want := range map[string]bool{"0.0.0.0:0": true, "127.0.0.1:0": false} {
		conn, err := net.ListenPacket("udp4", address)
		if err != nil {
			t.Fatal(err)
		}
		table, err := os.ReadFile(udpTable)
		if err != nil {
			t.Fatal(err)
		}
		port := uint16(conn.LocalAddr().(*net.UDPAddr).Port)
		if got := bindsAll(table, port); got != want {
			t.Errorf("bindsAll() of a socket on %s = %v", address, got)
		}
		conn.Close()
	}
	if bindsAll([]byte("  sl  local_address rem_address\n   1: 00000000:01F4\n\n7: x\n"), 499) {
		t.Error("port 500 was taken for 499")
	}
}

func TestExposureIsToldOnce(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var log bytes.Buffer
	s := emulators.Spec{Log: slog.New(slog.NewTextHandler(&log, nil)),
		Jacks: []emulators.Jack{{Local: conn.LocalAddr().(*net.UDPAddr).AddrPort()}}}
	e := New("vpcs")
	for range 2 {
		e.warnExposed(s)
	}
	if strings.Count(log.String(), "all addresses") != 1 {
		t.Errorf("the log is %q, want one warning", log.String())
	}
}

// The real vpcs decides whether there is something to tell.
func TestStartTellsExposure(t *testing.T) {
	local := freePort(t)
	s, _ := spec(t, local, freePort(t), 1)
	var log bytes.Buffer
	s.Log = slog.New(slog.NewTextHandler(&log, nil))
	i := start(t, s)
	table, err := os.ReadFile(udpTable)
	if err != nil {
		t.Fatal(err)
	}
	if told := strings.Contains(log.String(), "all addresses"); told != bindsAll(table, local.Port()) {
		t.Errorf("%s: told %v, log %q", i.CommandLine(), told, log.String())
	}
}
