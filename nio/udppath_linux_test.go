package nio

import (
	"net/netip"
	"testing"
)

// TestUDPOverEthernet sends frames to another host, of which most do not fit
// into one packet.
func TestUDPOverEthernet(t *testing.T) {
	for _, tc := range []struct {
		name, left, right, network string
		longest, room              int
	}{
		{"v4", "10.9.0.1", "10.9.0.2", "24", 65_507, 1472},
		{"v6", "fd00::1", "fd00::2", "64", 65_527, 1452},
	} {
		t.Run(tc.name, func(t *testing.T) {
			enter(t)
			other := host(t, "left", tc.right+"/"+tc.network)
			addAddress(t, "left", tc.left+"/"+tc.network)
			at := netip.AddrPortFrom(netip.MustParseAddr(tc.left), 1000)
			bt := netip.AddrPortFrom(netip.MustParseAddr(tc.right), 1000)
			a := mustOpen(t, OpenUDP, at, bt)
			var b *UDP
			within(t, other, func() { b = mustOpen(t, OpenUDP, bt, at) })

			var small, usual, mixed [][]byte
			for i := range 40 {
				small = append(small, frame(i, 100))
				usual = append(usual, frame(i, 1514))
				mixed = append(mixed, frame(i, []int{14, 1400, tc.room, tc.room + 1, 1514, 9014}[i%6]))
			}
			mixed = append(mixed, frame(1, 40_000), frame(2, tc.longest))
			for name, frames := range map[string][][]byte{"small": small, "usual": usual, "mixed": mixed} {
				for _, way := range []struct{ from, to *UDP }{{a, b}, {b, a}} {
					got := collect(way.to)
					mustWrite(t, way.from, frames...)
					wantSame(t, got.wait(t, len(frames)), frames)
					if t.Failed() {
						t.Fatalf("%s frames from %s", name, way.from.Local())
					}
				}
			}
			mustWrite(t, a, frame(1, tc.longest+1))
			if got := drops(a); len(got) != 1 || got["size"] != 1 {
				t.Errorf("drops = %v, want one for its size", got)
			}
			if got := drops(b); len(got) > 0 {
				t.Errorf("drops of the other end = %v, want none", got)
			}
			for _, u := range []*UDP{a, b} {
				if off, most := u.noSegments.Load(), int(u.segmentMost.Load()); off || most != tc.room {
					t.Errorf("segmentation is off: %v, up to %d bytes, want up to %d", off, most, tc.room)
				}
			}
		})
	}
}

// TestUDPFollowsTheMTU lowers the way's MTU while frames go as segments.
func TestUDPFollowsTheMTU(t *testing.T) {
	for _, tc := range []struct {
		name, left, right, network string
		headers                    int
	}{
		{"v4", "10.9.0.1", "10.9.0.2", "24", 28},
		{"v6", "fd00::1", "fd00::2", "64", 48},
	} {
		t.Run(tc.name, func(t *testing.T) {
			enter(t)
			other := host(t, "left", tc.right+"/"+tc.network)
			addAddress(t, "left", tc.left+"/"+tc.network)
			at := netip.AddrPortFrom(netip.MustParseAddr(tc.left), 1000)
			bt := netip.AddrPortFrom(netip.MustParseAddr(tc.right), 1000)
			a := mustOpen(t, OpenUDP, at, bt)
			var b *UDP
			within(t, other, func() { b = mustOpen(t, OpenUDP, bt, at) })
			var frames [][]byte
			for i := range 40 {
				frames = append(frames, frame(i, []int{1400, 1400, 1260, 1260, 1240, 1240, 1600, 100, 100}[i%9]))
			}
			for _, mtu := range []int{1500, 1300, 1281, 1500} {
				setMTU(t, "left", mtu)
				within(t, other, func() { setMTU(t, "eth0", mtu) })
				for _, way := range []struct{ from, to *UDP }{{a, b}, {b, a}} {
					got := collect(way.to)
					mustWrite(t, way.from, frames...)
					wantSame(t, got.wait(t, len(frames)), frames)
					if most := int(way.from.segmentMost.Load()); most > mtu-tc.headers || way.from.noSegments.Load() {
						t.Errorf("MTU %d: segments of up to %d bytes, off: %v", mtu, most, way.from.noSegments.Load())
					}
				}
			}
			for _, u := range []*UDP{a, b} {
				if got := drops(u); len(got) > 0 {
					t.Errorf("drops = %v, want none", got)
				}
			}
		})
	}
}
