package builtin

import (
	"strings"
	"testing"
)

func TestCloudParse(t *testing.T) {
	port := func(text string) string { return `{"ports_mapping":[` + text + `]}` }
	for _, tc := range []struct{ name, properties, err string }{
		{"nothing", ``, ""},
		{"no ports", `{"ports_mapping":[]}`, ""},
		{"as GNS3 has it", `{"interfaces":[{"name":"eth0","special":false,"type":"ethernet"}],"remote_console_host":"","remote_console_http_path":"/",
			"remote_console_port":23,"remote_console_type":"none","ports_mapping":[
			{"interface":"eth0","name":"eth0","port_number":0,"type":"ethernet"},{"interface":"tap0","name":"tap0","port_number":1,"type":"tap"},
			{"lport":20000,"name":"UDP tunnel 1","port_number":2,"rhost":"127.0.0.1","rport":30000,"type":"udp"}]}`, ""},
		{"unknown key", `{"port_mapping":[]}`, `not valid: unknown field "port_mapping"`},
		{"number for a text", port(`{"type":"tap","interface":7}`), "ports_mapping.interface cannot be a number"},
		{"unknown key of a port", port(`{"type":"tap","interface":"tap0","vlan":3}`), "unknown field"},
		{"number twice", port(`{"type":"tap","interface":"a"},{"type":"tap","interface":"b"}`), "port number 0 twice"},
		{"interface twice", port(`{"name":"x","type":"tap","interface":"a"},{"port_number":1,"type":"ethernet","interface":"a"}`), `interface "a" is already that of port "x"`},
		{"UDP port twice", port(`{"name":"x","type":"udp","lport":1,"rport":1,"rhost":"h"},{"port_number":1,"type":"udp","lport":1,"rport":2,"rhost":"h"}`), `lport 1 is already that of port "x"`},
		{"no type", port(`{"interface":"a"}`), "type must be"},
		{"no interface", port(`{"type":"ethernet"}`), "interface is missing"},
		{"long interface", port(`{"type":"ethernet","interface":"abcdefghijklmnop"}`), "longer than the 15 bytes"},
		{"path", port(`{"type":"tap","interface":"../eth0"}`), "has the character"},
		{"pattern", port(`{"type":"tap","interface":"tap%d"}`), "has the character"},
		{"dots", port(`{"type":"tap","interface":".."}`), "is not a name"},
		{"no host", port(`{"type":"udp","lport":1,"rport":1}`), "rhost is missing"},
		{"UDP port 0", port(`{"type":"udp","lport":0,"rport":1,"rhost":"h"}`), "must be 1 to 65535"},
		{"UDP port too high", port(`{"type":"udp","lport":1,"rport":65536,"rhost":"h"}`), "must be 1 to 65535"},
		{"negative number", port(`{"type":"tap","interface":"a","port_number":-1}`), "port_number is -1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := cloudParse([]byte(tc.properties))
			if tc.err == "" && err != nil {
				t.Fatalf("cloudParse = %v", err)
			}
			if tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err) || !strings.HasPrefix(err.Error(), "cannot ")) {
				t.Fatalf("cloudParse = %v, want an error with %q", err, tc.err)
			}
			spec, _ := cloudSpec(tc.properties)
			if got := NewCloud().Check(t.Context(), spec); (got == nil) != (tc.err == "") {
				t.Errorf("Check = %v", got)
			}
		})
	}
}

// FuzzCloudProperties has what is accepted be names and ports that the kernel
// takes as such.
func FuzzCloudProperties(f *testing.F) {
	f.Add(`{"ports_mapping":[{"name":"a","port_number":1,"type":"ethernet","interface":"eth0"},{"type":"udp","lport":1,"rhost":"h","rport":2}]}`)
	f.Fuzz(func(t *testing.T, properties string) {
		mappings, err := cloudParse([]byte(properties))
		if err != nil {
			return
		}
		seen := map[int]bool{}
		for _, m := range mappings {
			if seen[m.Number] || m.Number < 0 {
				t.Errorf("port number %d", m.Number)
			}
			seen[m.Number] = true
			if m.Type == cloudUDP {
				if m.LocalPort != int(uint16(m.LocalPort)) || m.RemotePort != int(uint16(m.RemotePort)) {
					t.Errorf("UDP ports %d and %d", m.LocalPort, m.RemotePort)
				}
			} else if len(m.Interface) > 15 || m.Interface == "" || strings.ContainsAny(m.Interface, "/ %\x00\n") {
				t.Errorf("interface %q", m.Interface)
			}
		}
	})
}
