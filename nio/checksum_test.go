package nio

import (
	"bytes"
	"encoding/binary"
	"net"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// transport is a layer of gopacket that adds its checksum itself.
type transport interface {
	gopacket.SerializableLayer
	SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
}

// segment builds a frame with the checksums that gopacket gives it, and tells
// where its transport header begins.
func segment(t testing.TB, tags []layers.EthernetType, v6, tcp bool, data []byte) (f []byte, start int) {
	t.Helper()
	next := layers.EthernetTypeIPv4
	if v6 {
		next = layers.EthernetTypeIPv6
	}
	kinds := append(append([]layers.EthernetType{}, tags...), next)
	all := []gopacket.SerializableLayer{&layers.Ethernet{
		DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, EthernetType: kinds[0],
	}}
	start = 14
	for i := range tags {
		all = append(all, &layers.Dot1Q{Priority: 5, VLANIdentifier: uint16(100 + i), Type: kinds[i+1]})
		start += vlanTag
	}
	protocol := layers.IPProtocolUDP
	var top transport = &layers.UDP{SrcPort: 1000, DstPort: 53}
	if tcp {
		protocol, top = layers.IPProtocolTCP, &layers.TCP{SrcPort: 1000, DstPort: 80, Seq: 0xfffffff0, ACK: true, Window: 512}
	}
	var err error
	if v6 {
		ip := &layers.IPv6{
			Version: 6, HopLimit: 64, NextHeader: protocol,
			SrcIP: net.ParseIP("fd00::1"), DstIP: net.ParseIP("fd00::2"),
		}
		err = top.SetNetworkLayerForChecksum(ip)
		all, start = append(all, ip), start+40
	} else {
		ip := &layers.IPv4{
			Version: 4, TTL: 64, Protocol: protocol, Id: 7,
			SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 0, 2},
		}
		err = top.SetNetworkLayerForChecksum(ip)
		all, start = append(all, ip), start+20
	}
	if err != nil {
		t.Fatal(err)
	}
	buffer := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buffer, options, append(all, top, gopacket.Payload(data))...); err != nil {
		t.Fatal(err)
	}
	// gopacket fills frames up to the least of Ethernet, the kernel does not
	// before they are on a cable.
	length := start + 8 + len(data)
	if tcp {
		length += 12
	}
	return bytes.Clone(buffer.Bytes()[:length]), start
}

// addressesOf are those of the IP header that ends at start.
func addressesOf(f []byte, start int, v6 bool) []byte {
	if v6 {
		return f[start-32 : start]
	}
	return f[start-8 : start]
}

// partial puts what the kernel leaves in the field of a checksum that the card
// is to fill in: the sum of the pseudo-header.
func partial(f []byte, start, field int, v6 bool) {
	protocol := 17
	if field == 16 {
		protocol = 6
	}
	sum := ^checksum(addressesOf(f, start, v6), nil, protocol+len(f)-start)
	binary.BigEndian.PutUint16(f[start+field:], sum)
}

func TestOffloadCompletesAsGopacketDoes(t *testing.T) {
	dot1Q, dot1AD := layers.EthernetTypeDot1Q, layers.EthernetTypeQinQ
	for _, tc := range []struct {
		name    string
		tags    []layers.EthernetType
		v6, tcp bool
	}{
		{"UDP", nil, false, false},
		{"UDP v6", nil, true, false},
		{"TCP", nil, false, true},
		{"TCP v6", nil, true, true},
		{"UDP in a VLAN", []layers.EthernetType{dot1Q}, false, false},
		{"TCP v6 in a VLAN", []layers.EthernetType{dot1Q}, true, true},
		{"TCP in two VLANs", []layers.EthernetType{dot1AD, dot1Q}, false, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, length := range []int{0, 1, 2, 7, 8, 9, 100, 101, 1400, 1401, 8999} {
				want, start := segment(t, tc.tags, tc.v6, tc.tcp, frame(length, max(8, length))[:length])
				field := 6
				if tc.tcp {
					field = 16
				}
				got := bytes.Clone(want)
				partial(got, start, field, tc.v6)
				offload{start: start, checksum: field}.complete(got)
				if !bytes.Equal(got, want) {
					t.Errorf("%d bytes of data: checksum %x, want %x", length, got[start+field:start+field+2], want[start+field:start+field+2])
				}
			}
		})
	}
}

// TestOffloadNeverSaysThatThereIsNoChecksum is about the data whose checksum is
// 0: over UDP that means that there is none, so it is sent as its other form.
func TestOffloadNeverSaysThatThereIsNoChecksum(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		f, start := segment(t, nil, v6, false, []byte{0, 0})
		// The checksum of zeros, as data, makes the sum 0xffff.
		copy(f[start+8:], f[start+6:start+8])
		partial(f, start, 6, v6)
		offload{start: start, checksum: 6}.complete(f)
		if got := binary.BigEndian.Uint16(f[start+6:]); got != 0xffff {
			t.Errorf("v6 %v: checksum %#x, want 0xffff", v6, got)
		}
	}
}

func FuzzCompleteChecksum(f *testing.F) {
	for _, tcp := range []bool{false, true} {
		whole, start := segment(f, nil, tcp, tcp, []byte("odd"))
		f.Add(whole, uint16(start), uint16(6))
		f.Add(whole, uint16(start), uint16(16))
	}
	f.Add([]byte{}, uint16(0), uint16(0))
	f.Add(frame(1, 60), uint16(58), uint16(0))
	f.Add(frame(1, 60), uint16(59), uint16(0))
	f.Add(frame(1, 60), uint16(0xffff), uint16(0xffff))
	f.Fuzz(func(t *testing.T, whole []byte, start, field uint16) {
		before := bytes.Clone(whole)
		offload{start: int(start), checksum: int(field)}.complete(whole)
		at := int(start) + int(field)
		if at+2 > len(whole) {
			if !bytes.Equal(whole, before) {
				t.Fatal("nonsense changed a frame")
			}
			return
		}
		if !bytes.Equal(whole[:at], before[:at]) || !bytes.Equal(whole[at+2:], before[at+2:]) {
			t.Fatal("other bytes changed than the checksum")
		}
		if whole[at] == 0 && whole[at+1] == 0 {
			t.Fatal("the checksum says that there is none")
		}
	})
}
