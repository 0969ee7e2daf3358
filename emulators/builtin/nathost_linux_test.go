package builtin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const natHelper = "LANYARD_TEST_NAT"

// TestNATGoesWithItsProcess kills a process that has a NAT node.
func TestNATGoesWithItsProcess(t *testing.T) {
	if os.Getenv(natHelper) != "" {
		_, inner := nio.Pipe()
		startNAT(t, natNode, "", inner)
		fmt.Println("running")
		select {} // until killed
	}
	if !cloudInNetwork(t) {
		return
	}
	devices, tables := natDevices(t), natTables(t)
	helper := exec.Command(os.Args[0], "-test.run=^TestNATGoesWithItsProcess$")
	helper.Env = append(os.Environ(), natHelper+"=1")
	out, err := helper.StdoutPipe()
	natNo(t, err)
	natNo(t, helper.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "running\n" {
		t.Fatalf("helper said %q, %v", line, err)
	}
	if got := natTables(t); len(got) != len(tables)+1 {
		t.Errorf("tables while it runs are %v", got)
	}
	natNo(t, helper.Process.Kill())
	_ = helper.Wait()
	natWait(t, "the device is gone", func() bool { return slices.Equal(natDevices(t), devices) })
	natWait(t, "the table is gone", func() bool { return slices.Equal(natTables(t), tables) })
}

// TestNATSweeps shows what a crash leaves on a kernel without owned tables.
func TestNATSweeps(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	conn := new(nftables.Conn)
	live := natPrefix + "0123456789"
	natNo(t, netlink.LinkAdd(&netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: live}, Mode: netlink.TUNTAP_MODE_TAP}))
	keep := []string{"lanyard", "lanyard-lnat-xyz", natTablePrefix + live, "filter"}
	for _, name := range append(slices.Clone(keep), "lanyard-lnat-aaaaaaaaaa") {
		conn.AddTable(&nftables.Table{Name: name, Family: nftables.TableFamilyIPv4})
	}
	natNo(t, conn.Flush())
	natNo(t, sweepNATTables())
	if got := natTables(t); !slices.Equal(got, keep) {
		t.Errorf("tables after the sweep are %v, want %v", got, keep)
	}
}

// TestNATChoosesAnotherNetwork has the asked network taken, and several nodes
// start at once.
func TestNATChoosesAnotherNetwork(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	natVeth(t, "lan0", "lan1", nil)
	natUp(t, "lan0", "10.8.0.1/16")
	_, inner := nio.Pipe()
	asked, console := startNAT(t, natNode, `{"subnet":"10.8.9.0/24"}`, inner)
	if want := netip.MustParsePrefix("192.168.122.0/24"); asked.gateway.network != want {
		t.Errorf("network = %v, want %v", asked.gateway.network, want)
	}
	if want := "network 10.8.9.0/24 is taken on this host: using 192.168.122.0/24"; !strings.Contains(console.String(), want) {
		t.Errorf("console = %q, want %q in it", console, want)
	}

	const nodes = 6
	networks, errs := make(chan netip.Prefix, nodes), make(chan error, nodes)
	for n := range nodes {
		go func() {
			_, inner := nio.Pipe()
			spec, _ := natSpec(fmt.Sprintf("node%d", n), "", inner)
			i, err := NewNAT().Start(context.Background(), spec)
			errs <- err
			if err == nil {
				t.Cleanup(func() { _ = i.Stop(context.Background()) })
				networks <- i.(*natInstance).gateway.network
			}
		}()
	}
	seen := map[netip.Prefix]bool{asked.gateway.network: true}
	for range nodes {
		natNo(t, <-errs)
		network := <-networks
		if seen[network] {
			t.Errorf("network %v was taken twice", network)
		}
		seen[network] = true
	}
	_, again := nio.Pipe()
	spec, _ := natSpec(natNode, "", again)
	if _, err := NewNAT().Start(t.Context(), spec); err == nil || !strings.Contains(err.Error(), "a second time") {
		t.Errorf("second Start of one node = %v, want an error", err)
	}
}

// TestNATWithoutRights takes the capabilities away.
func TestNATWithoutRights(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	devices := natDevices(t)
	natThread(t, func() {
		none := [2]unix.CapUserData{}
		if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]); err != nil {
			t.Error(err)
			return
		}
		_, inner := nio.Pipe()
		spec, _ := natSpec(natNode, "", inner)
		if err := NewNAT().Check(t.Context(), spec); err != nil {
			t.Errorf("Check = %v, want nil: a lab with a NAT node can be opened everywhere", err)
		}
		_, err := NewNAT().Start(t.Context(), spec)
		if !errors.Is(err, emulators.ErrNotImplemented) {
			t.Fatalf("Start = %v, want ErrNotImplemented", err)
		}
		for _, want := range []string{"CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE", "setcap"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("Start = %q, want %q in it", err, want)
			}
		}
	})
	if got := natDevices(t); !slices.Equal(got, devices) {
		t.Errorf("devices are %v, want %v", got, devices)
	}
}

// TestNATUndoesAFailedStart has the port of DNS taken by another.
func TestNATUndoesAFailedStart(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	other, err := net.ListenPacket("udp4", "0.0.0.0:53")
	natNo(t, err)
	defer other.Close()
	devices := natDevices(t)
	_, inner := nio.Pipe()
	spec, _ := natSpec(natNode, "", inner)
	if _, err := NewNAT().Start(t.Context(), spec); err == nil || !strings.Contains(err.Error(), "cannot listen for DNS") {
		t.Errorf("Start = %v, want that DNS cannot be had", err)
	}
	if got := natDevices(t); !slices.Equal(got, devices) {
		t.Errorf("devices are %v, want %v", got, devices)
	}
	if got := natTables(t); len(got) != 0 {
		t.Errorf("tables are %v, want none", got)
	}
}

// TestNATTurnsForwardingOn tells what it did to the host, once.
func TestNATTurnsForwardingOn(t *testing.T) {
	if !cloudInNetwork(t) {
		return
	}
	natNo(t, os.WriteFile(natForward, []byte("0"), 0))
	_, inner := nio.Pipe()
	first, console := startNAT(t, natNode, "", inner)
	if on, err := os.ReadFile(natForward); string(on) != "1\n" {
		t.Errorf("%s = %q, %v", filepath.Base(natForward), on, err)
	}
	if !strings.Contains(console.String(), "turned on IP forwarding") {
		t.Errorf("console = %q", console)
	}
	natNo(t, first.Stop(t.Context()))
	conn := new(nftables.Conn)
	drop := nftables.ChainPolicyDrop
	table := conn.AddTable(&nftables.Table{Name: "filter", Family: nftables.TableFamilyIPv4})
	conn.AddChain(&nftables.Chain{
		Name: "FORWARD", Table: table, Type: nftables.ChainTypeFilter, Policy: &drop,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter,
	})
	natNo(t, conn.Flush())
	_, inner = nio.Pipe()
	_, console = startNAT(t, natNode, "", inner)
	if strings.Contains(console.String(), "turned on IP forwarding") {
		t.Errorf("console = %q, although forwarding was on", console)
	}
	if want := "nft insert rule ip filter FORWARD iifname lnat-"; !strings.Contains(console.String(), want) {
		t.Errorf("console = %q, want %q in it", console, want)
	}
}
