package builtin

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/emulators/pc"
	"github.com/lanyard-lab/lanyard/nio"
)

var (
	_ emulators.Updater = (*device)(nil)
	_ emulators.Carrier = (*device)(nil)
	_ emulators.Ender   = (*device)(nil)
	_ nio.Dropper       = (*device)(nil)
)

// startPC puts a virtual PC at a port of a bench.
func startPC(t *testing.T, b *bench, port, number int) (emulators.Instance, *screen) {
	t.Helper()
	out := &screen{}
	jack, outer := nio.Pipe()
	i, err := pc.New().Start(t.Context(), emulators.Spec{
		ID: fmt.Sprint("pc", number), Name: fmt.Sprint("PC", number), Folder: t.TempDir(),
		Properties: json.RawMessage(fmt.Sprintf(`{"mac": "00:50:79:66:68:%02x"}`, number)),
		Jacks:      []emulators.Jack{{NIO: jack}}, Console: out, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.Stop(context.Background()) })
	bridge := nio.NewBridge(outer, b.ends[port])
	t.Cleanup(bridge.Close)
	fmt.Fprintf(i, "ip 10.0.0.%d/24\r", number)
	expect(t, out, fmt.Sprintf("PC%d : 10.0.0.%d", number, number))
	return i, out
}

// expect waits for text on a screen.
func expect(t *testing.T, s *screen, want string) {
	t.Helper()
	seen, limit := "", time.Now().Add(switchPatience)
	for !strings.Contains(seen, want) {
		if seen += s.take(); time.Now().After(limit) {
			t.Fatalf("%q did not come, but %q", want, seen)
		}
	}
}

// TestPCsAcrossSwitches pings through a trunk, and not into another VLAN until
// the port is moved there.
func TestPCsAcrossSwitches(t *testing.T) {
	a := newBench(t, "0 access 10", "1 access 20", "2 dot1q 1")
	b := newBench(t, "0 access 10", "1 dot1q 1")
	trunk := nio.NewBridge(a.ends[2], b.ends[1])
	defer trunk.Close()
	pc1, out1 := startPC(t, a, 0, 1)
	pc2, out2 := startPC(t, a, 1, 2)
	startPC(t, b, 0, 3)

	fmt.Fprint(pc1, "ping 10.0.0.3 -c 1\r")
	expect(t, out1, "84 bytes from 10.0.0.3")
	fmt.Fprint(pc2, "ping 10.0.0.3 -c 1\r")
	expect(t, out2, "host (10.0.0.3) not reachable")
	a.spec.Properties = switchPorts("0 access 10", "1 access 10", "2 dot1q 1")
	if err := a.device.Update(t.Context(), a.spec); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(pc2, "ping 10.0.0.3 -c 1\r")
	expect(t, out2, "84 bytes from 10.0.0.3")
	table := b.typed("show mac\r")
	for _, want := range []string{
		"10    00:50:79:66:68:01  Ethernet1", "10    00:50:79:66:68:02  Ethernet1",
		"10    00:50:79:66:68:03  Ethernet0", "20    00:50:79:66:68:02  Ethernet1",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("show mac printed\n%s, want %q in it", table, want)
		}
	}
}
