package controller

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestPortsAreNamedAsInGNS3 has names, short names and addresses as GNS3 2.2
// makes them.
func TestPortsAreNamedAsInGNS3(t *testing.T) {
	for _, tc := range []struct {
		name, nodeType, properties string
		look                       lookRecord
		want                       string // adapter/port name short [address], one port after the other
	}{
		{"PC", "vpcs", `{}`, lookRecord{PortNameFormat: "x{0}", FirstPortName: "mgmt"}, "0/0 Ethernet0 e0"},
		{"usual", "qemu", `{"adapters": 2}`, lookRecord{}, "0/0 Ethernet0 e0/0, 1/0 Ethernet1 e1/0"},
		{"empty field", "qemu", `{"adapters": 2}`, lookRecord{PortNameFormat: "eth{}"}, "0/0 eth0 eth0, 1/0 eth1 eth1"},
		{"two empty fields", "qemu", `{"adapters": 3}`, lookRecord{PortNameFormat: "{}-{}-{}", PortSegmentSize: 2}, "0/0 0-0-{} 0-0-{}, 1/0 1-0-{} 1-0-{}, 2/0 0-1-{} 0-1-{}"},
		{"from 1", "qemu", `{}`, lookRecord{PortNameFormat: "eth{port1}"}, "0/0 eth1 eth1"},
		{"segments", "qemu", `{"adapters": 4}`, lookRecord{PortNameFormat: "eth{segment0}/{port0}", PortSegmentSize: 2, FirstPortName: "mgnt0"},
			"0/0 mgnt0 mgnt0, 1/0 eth0/0 eth0/0, 2/0 eth0/1 eth0/1, 3/0 eth1/0 eth1/0"},
		{"addresses", "qemu", `{"adapters": 3, "mac_address": "0c:01:02:03:00:ff"}`,
			lookRecord{CustomAdapters: []map[string]any{{"adapter_number": 1.0, "mac_address": "0c:00:00:00:00:09"}}},
			"0/0 Ethernet0 e0/0 0c:01:02:03:00:ff, 1/0 Ethernet1 e1/0 0c:00:00:00:00:09, 2/0 Ethernet2 e2/0 0c:01:02:03:01:01"},
		{"container", "docker", `{"adapters": 2, "mac_address": "02:42:00:00:00:00"}`, lookRecord{}, "0/0 eth0 eth0 02:42:00:00:00:00, 1/0 eth1 eth1 02:42:00:00:00:01"},
		{"router", "dynamips", `{"platform": "c7200", "slot1": "PA-POS-OC3", "slot2": "PA-A1", "wic0": "WIC-1ENET", "wic1": "WIC-2T"}`, lookRecord{},
			"0/0 FastEthernet0/0 f0/0, 1/0 POS1/0 p1/0, 2/0 ATM2/0 a2/0, 0/16 Ethernet0/0 e0/0, 0/32 Serial0/1 s0/1, 0/33 Serial0/2 s0/2"},
		{"IOU", "iou", `{"ethernet_adapters": 1, "serial_adapters": 1}`, lookRecord{},
			"0/0 Ethernet0/0 e0/0, 0/1 Ethernet0/1 e0/1, 0/2 Ethernet0/2 e0/2, 0/3 Ethernet0/3 e0/3, 1/0 Serial1/0 s1/0, 1/1 Serial1/1 s1/1, 1/2 Serial1/2 s1/2, 1/3 Serial1/3 s1/3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := nodeRecord{Type: tc.nodeType, Look: tc.look}
			if err := json.Unmarshal([]byte(tc.properties), &rec.Properties); err != nil {
				t.Fatal(err)
			}
			ports, err := rec.kind().ports(&rec)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range ports {
				got = append(got, strings.TrimSpace(fmt.Sprintf("%d/%d %s %s %s", p.Adapter, p.Port, p.Name, p.ShortName, p.MAC)))
			}
			if got := strings.Join(got, ", "); got != tc.want {
				t.Errorf("ports are %s, want %s", got, tc.want)
			}
		})
	}
}

// TestIOUTellsHowItsPortsAreNamed has clients read the format of the ports.
func TestIOUTellsHowItsPortsAreNamed(t *testing.T) {
	for nodeType, want := range map[string]string{"iou": "Ethernet{segment0}/{port0} 4", "qemu": "Ethernet{0} 0"} {
		rec := nodeRecord{Type: nodeType}
		if look := rec.look(); fmt.Sprint(look.PortNameFormat, " ", look.PortSegmentSize) != want {
			t.Errorf("format and segment size of %s are %s %d, want %s", nodeType, look.PortNameFormat, look.PortSegmentSize, want)
		}
	}
}
