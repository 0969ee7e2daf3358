package stack

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// advertisement is a Router Advertisement of 2001:db8:1::/64.
func advertisement(router *Host, valid, mtu uint32) []byte {
	b := make([]byte, 16)
	b[0], b[4] = icmp6RouterAdv, 64
	binary.BigEndian.PutUint16(b[6:], 1800)
	b = append(b, ndOptionPrefix, 4, 64, prefixOnLink|prefixAuto)
	b = binary.BigEndian.AppendUint32(b, valid)
	b = binary.BigEndian.AppendUint32(b, valid)
	b = append(b, 0, 0, 0, 0)
	b = append(b, netip.MustParseAddr("2001:db8:1::").AsSlice()...)
	b = binary.BigEndian.AppendUint32(append(b, ndOptionMTU, 1, 0, 0), mtu)
	return router.macOption(b, ndOptionSourceMAC)
}

func sendAdvertisement(router *Host, valid, mtu uint32) {
	router.locked(func() {
		router.sendICMP6Locked(router.v6.linkLocal, allNodes, ndHopLimit, advertisement(router, valid, mtu))
	})
}

func advertise(router *Host, valid, mtu uint32) {
	sendAdvertisement(router, valid, mtu)
	synctest.Wait()
}

func TestSLAAC(t *testing.T) {
	const want = "2001:db8:1:0:250:79ff:fe66:6801/64"
	global := func(h *Host) string {
		p, _, _ := h.Global()
		return p.String()
	}
	for _, tc := range []struct {
		name string
		run  func(t *testing.T, a, router *Host)
		want string
	}{
		{"address", func(_ *testing.T, _, router *Host) { advertise(router, 3600, 1400) }, want},
		{"ends", func(_ *testing.T, _, router *Host) {
			advertise(router, 3600, 1400)
			time.Sleep(time.Hour)
		}, "invalid Prefix"},
		{"renewed", func(_ *testing.T, _, router *Host) {
			advertise(router, 3600, 1400)
			time.Sleep(time.Hour - time.Second)
			advertise(router, 3600, 1400)
			time.Sleep(time.Hour - time.Second)
		}, want},
		{"life is not cut short", func(_ *testing.T, _, router *Host) {
			advertise(router, 86400, 1400)
			advertise(router, 0, 1400)
			time.Sleep(2*time.Hour - time.Second)
		}, want},
		{"set by hand", func(_ *testing.T, a, router *Host) {
			a.SetGlobal(netip.MustParsePrefix("2001:db8:7::7/64"), false)
			advertise(router, 3600, 1400)
		}, "2001:db8:7::7/64"},
		{"asked for", func(t *testing.T, a, router *Host) {
			a.SetGlobal(netip.MustParsePrefix("2001:db8:7::7/64"), false)
			time.AfterFunc(time.Millisecond, func() { sendAdvertisement(router, 3600, 1400) })
			if _, ok, err := a.Solicit(t.Context()); !ok || err != nil {
				t.Errorf("Solicit() = %v, %v", ok, err)
			}
		}, want},
		{"duplicate", func(_ *testing.T, _, router *Host) {
			router.SetGlobal(netip.MustParsePrefix(want), false)
			advertise(router, 3600, 1400)
			advertise(router, 3600, 1400)
		}, "invalid Prefix"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, router := pair(t)
				synctest.Wait()
				tc.run(t, a, router)
				synctest.Wait()
				if got := global(a); got != tc.want {
					t.Errorf("global address = %s, want %s", got, tc.want)
				}
			})
		})
	}
}

func TestAdvertisedMTU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, router := pair(t)
		for _, tc := range []struct {
			mtu  uint32
			want int
		}{{1400, 1400}, {65535, 1400}, {500, 1400}, {1500, 1500}} {
			advertise(router, 3600, tc.mtu)
			if got := a.MTU(); got != tc.want {
				t.Errorf("MTU after one of %d was advertised = %d, want %d", tc.mtu, got, tc.want)
			}
		}
		if r, ok := a.Router(); !ok || r.Addr != router.LinkLocal() || r.MAC.String() != net.HardwareAddr(router.MAC()).String() {
			t.Errorf("Router() = %+v, %v", r, ok)
		}
		time.Sleep(30 * time.Minute)
		if _, ok := a.Router(); ok {
			t.Error("a router is kept longer than its lifetime")
		}
	})
}
