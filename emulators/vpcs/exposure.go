package vpcs

import (
	"bytes"
	"fmt"
	"os"

	"github.com/lanyard-lab/lanyard/emulators"
)

// udpTable lists the UDP sockets over IPv4 of this network namespace, see
// proc_net(5): number, local address and port in hexadecimal, and so on.
const udpTable = "/proc/self/net/udp"

// warnExposed logs, once, that vpcs has bound its UDP port on all addresses of
// this host. It cannot be told to bind another: frames for the PC can come from
// wherever the port can be reached.
func (e *Emulator) warnExposed(s emulators.Spec) {
	if len(s.Jacks) == 0 || s.Log == nil {
		return
	}
	port := s.Jacks[0].Local.Port()
	e.exposure.Do(func() {
		table, err := os.ReadFile(udpTable)
		if err == nil && bindsAll(table, port) {
			s.Log.Warn("vpcs takes frames on all addresses of this host, not on loopback alone: keep its UDP ports behind a firewall, or use the built-in PC", "port", port)
		}
	})
}

// bindsAll reports whether a table has a socket on 0.0.0.0:port.
func bindsAll(table []byte, port uint16) bool {
	want := fmt.Sprintf("00000000:%04X", port)
	for line := range bytes.Lines(table) {
		if fields := bytes.Fields(line); len(fields) > 1 && string(fields[1]) == want {
			return true
		}
	}
	return false
}
