package nio

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/unix"
)

// sendOffloaded sends a frame as the host does that leaves work to the card.
func (w wire) sendOffloaded(t *testing.T, f []byte, o offload) {
	t.Helper()
	if err := unix.SetsockoptInt(w.fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
		t.Fatal(err)
	}
	message := append([]byte{offloadNeedsChecksum, o.kind}, 0, 0)
	headers := 0
	if o.kind != 0 {
		headers = o.start + 20
	}
	binary.NativeEndian.PutUint16(message[2:], uint16(headers))
	for _, v := range []int{o.size, o.start, o.checksum} {
		message = binary.NativeEndian.AppendUint16(message, uint16(v))
	}
	if err := unix.Send(w.fd, append(message, f...), 0); err != nil {
		t.Fatalf("cannot send a frame of %d bytes: %v", len(f), err)
	}
}

// TestPacketCompletesTaggedFrames is about frames whose tag and whose checksum
// the host has told beside them.
func TestPacketCompletesTaggedFrames(t *testing.T) {
	dot1Q, dot1AD := layers.EthernetTypeDot1Q, layers.EthernetTypeQinQ
	for _, tc := range []struct {
		name string
		tags []layers.EthernetType
	}{
		{"no tag", nil},
		{"802.1Q", []layers.EthernetType{dot1Q}},
		{"802.1ad", []layers.EthernetType{dot1AD}},
		{"two tags of 802.1Q", []layers.EthernetType{dot1Q, dot1Q}},
		{"802.1ad and 802.1Q", []layers.EthernetType{dot1AD, dot1Q}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			enter(t)
			cable(t, "a", "b", 1500)
			packet, w := openPacket(t, "a"), onWire(t, "b")
			at := collect(packet)
			var want [][]byte
			for _, v6 := range []bool{false, true} {
				for _, tcp := range []bool{false, true} {
					f, start := segment(t, tc.tags, v6, tcp, frame(1, 101))
					want = append(want, f)
					field := 6
					if tcp {
						field = 16
					}
					unfinished := bytes.Clone(f)
					partial(unfinished, start, field, v6)
					w.sendOffloaded(t, unfinished, offload{start: start, checksum: field})
				}
			}
			wantSame(t, at.wait(t, len(want)), want)
			if t.Failed() {
				return
			}
			for _, v6 := range []bool{false, true} {
				f, start := segment(t, tc.tags, v6, true, frame(1, 3500))
				partial(f, start, 16, v6)
				o := offload{kind: offloadTCP4, size: 1000, start: start, checksum: 16}
				if v6 {
					o.kind = offloadTCP6
				}
				at := collect(packet)
				w.sendOffloaded(t, f, o)
				var data []byte
				for i, got := range at.wait(t, 4) {
					if !bytes.Equal(got[:networkHeader(f)], f[:networkHeader(f)]) {
						t.Errorf("segment %d begins %x, want %x", i, got[:networkHeader(f)], f[:networkHeader(f)])
					}
					if sum := checksum(addressesOf(got, start, v6), got[start:], 6); sum != 0 {
						t.Errorf("segment %d of v6 %v: the checksum is wrong by %#x", i, v6, sum)
					}
					data = append(data, got[start+20:]...)
				}
				if !bytes.Equal(data, frame(1, 3500)) {
					t.Errorf("v6 %v: other data came than were sent", v6)
				}
			}
			if got := drops(packet); len(got) > 0 {
				t.Errorf("drops = %v, want none", got)
			}
		})
	}
}
