package builtin

import (
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
)

func TestInterfaces(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	for _, name := range []string{"eth0", "docker0", "virbr0", "lan5"} {
		natNo(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name}}))
	}
	natNo(t, netlink.LinkAdd(&netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: "lab1"}, Mode: netlink.TUNTAP_MODE_TAP}))
	natVeth(t, "veth1234", "peer0", nil)
	natUp(t, "eth0", "10.1.2.3/20")
	natUp(t, "eth0", "10.9.9.9/24")
	list, err := Interfaces()
	natNo(t, err)
	type row struct {
		address, netmask, kind string
		special                bool
	}
	got := map[string]row{}
	for _, i := range list {
		if i.ID != i.Name || i.MAC == "" && i.Name != "lo" {
			t.Errorf("interface %+v", i)
		}
		got[i.Name] = row{i.Address, i.Netmask, i.Type, i.Special}
	}
	for name, want := range map[string]row{
		"lo":       {"127.0.0.1", "255.0.0.0", "ethernet", true},
		"eth0":     {"10.1.2.3", "255.255.240.0", "ethernet", false},
		"docker0":  {"", "", "ethernet", true},
		"virbr0":   {"", "", "ethernet", true},
		"lan5":     {"", "", "ethernet", false},
		"lab1":     {"", "", "tap", false},
		"veth1234": {"", "", "ethernet", true},
		"peer0":    {"", "", "ethernet", false},
	} {
		if got[name] != want {
			t.Errorf("%s = %+v, want %+v", name, got[name], want)
		}
	}
	if !slices.IsSortedFunc(list, func(a, b Interface) int { return cloudIndex(t, a.Name) - cloudIndex(t, b.Name) }) {
		t.Errorf("not in the kernel's order: %+v", list)
	}
}

func cloudIndex(t *testing.T, name string) int {
	t.Helper()
	link, err := netlink.LinkByName(name)
	natNo(t, err)
	return link.Attrs().Index
}
