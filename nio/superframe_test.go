package nio

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// tcpFrame is a superframe of TCP over IPv4 behind tags, with data.
func tcpFrame(tags string, data int) []byte {
	f := append([]byte("\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01"), tags...)
	f = append(f, "\x08\x00\x45\x00\x00\x00\xff\xfe\x40\x00\x40\x06\x00\x00\x0a\x00\x00\x01\x0a\x00\x00\x02"...)
	// From port 1 to 2, sequence number near its end, 4 bytes of options, CWR, ACK, PSH and FIN.
	f = append(f, "\x00\x01\x00\x02\xff\xff\xff\xf0\x00\x00\x00\x00\x60\x99\x00\x01\x00\x00\x00\x00\x01\x01\x01\x00"...)
	return append(f, frame(3, data)...)
}

func TestSuperframeIsCut(t *testing.T) {
	for _, tc := range []struct {
		name, tags string
		data, size int
		flags      []byte
	}{
		{"three", "", 250, 100, []byte{0x90, 0x10, 0x19}},
		{"exactly two", "", 200, 100, []byte{0x90, 0x19}},
		{"one", "", 50, 100, []byte{0x99}},
		{"behind tags", "\x88\xa8\x00\x05\x81\x00\x00\x06", 201, 100, []byte{0x90, 0x10, 0x19}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			whole := tcpFrame(tc.tags, tc.data)
			l3 := 14 + len(tc.tags)
			s, ok := parseSuperframe(whole, offload{needsChecksum: true, kind: offloadTCP4, size: tc.size, start: l3 + 20, checksum: 16})
			if !ok {
				t.Fatal("it was not recognised")
			}
			frames, _ := s.cut(nil, nil)
			if len(frames) != len(tc.flags) {
				t.Fatalf("%d frames, want %d", len(frames), len(tc.flags))
			}
			var data []byte
			for i, f := range frames {
				ip, tcp := f[l3:], f[l3+20:]
				if got := int(binary.BigEndian.Uint16(ip[2:])); got != len(ip) {
					t.Errorf("frame %d: IP length %d, want %d", i, got, len(ip))
				}
				if got, want := binary.BigEndian.Uint16(ip[4:]), uint16(0xfffe+i); got != want {
					t.Errorf("frame %d: identification %#x, want %#x", i, got, want)
				}
				if got, want := binary.BigEndian.Uint32(tcp[4:]), uint32(0xfffffff0+int64(i*tc.size)); got != want {
					t.Errorf("frame %d: sequence %#x, want %#x", i, got, want)
				}
				if tcp[13] != tc.flags[i] {
					t.Errorf("frame %d: flags %#x, want %#x", i, tcp[13], tc.flags[i])
				}
				if a, b := checksum(nil, ip[:20], -20), checksum(ip[12:20], tcp, 6); a != 0 || b != 0 {
					t.Errorf("frame %d: checksums are off by %#x and %#x", i, a, b)
				}
				if !bytes.Equal(f[:l3], whole[:l3]) {
					t.Errorf("frame %d begins %x, want %x", i, f[:l3], whole[:l3])
				}
				data = append(data, tcp[24:]...)
			}
			if !bytes.Equal(data, frame(3, tc.data)) {
				t.Errorf("data are %x", data)
			}
		})
	}
}

func TestOffloadCompletesChecksum(t *testing.T) {
	f := tcpFrame("", 101)
	packet := f[34:]
	binary.BigEndian.PutUint16(packet[16:], ^checksum(f[26:34], nil, 6+len(packet)))
	offload{start: 34, checksum: 16}.complete(f)
	if got := checksum(f[26:34], packet, 6); got != 0 {
		t.Errorf("the checksum is off by %#x", got)
	}
}

func FuzzSuperframe(f *testing.F) {
	header := func(kind byte, size, start, sum int) []byte {
		b := []byte{offloadNeedsChecksum, kind, 0, 0}
		for _, v := range []int{size, start, sum} {
			b = binary.NativeEndian.AppendUint16(b, uint16(v))
		}
		return b
	}
	f.Add(header(offloadTCP4, 100, 34, 16), tcpFrame("", 250))
	f.Add(header(offloadTCP4|offloadECN, 1, 38, 16), tcpFrame("\x81\x00\x00\x05", 9))
	f.Add(header(offloadTCP6, 100, 54, 16), append([]byte("\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x86\xdd\x60"), frame(1, 200)...))
	f.Add(header(offloadUDP, 10, 34, 6), tcpFrame("", 30))
	f.Add(header(0, 0, 65535, 65535), frame(1, 14))
	f.Fuzz(func(t *testing.T, h, whole []byte) {
		if len(h) < offloadLength || len(whole) < MinFrame || len(whole) > packetRoom {
			return
		}
		o := parseOffload(h)
		before := bytes.Clone(whole)
		s, ok := parseSuperframe(whole, o)
		if !ok {
			o.complete(whole)
			return
		}
		frames, _ := s.cut(nil, nil)
		var data []byte
		for i, f := range frames {
			if chunk := len(f) - s.data; chunk <= 0 || chunk > o.size || chunk < o.size && i < len(frames)-1 {
				t.Fatalf("frame %d of %d has %d bytes of data, want %d", i, len(frames), chunk, o.size)
			}
			data = append(data, f[s.data:]...)
		}
		if !bytes.Equal(data, whole[s.data:]) || !bytes.Equal(whole, before) {
			t.Fatal("data differ")
		}
	})
}
