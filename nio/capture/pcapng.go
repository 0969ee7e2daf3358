package capture

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

// Blocks and options of pcapng, by their numbers in the draft.
const (
	blockSection    = 0x0a0d0d0a
	blockInterface  = 1
	blockStatistics = 5
	blockPacket     = 6 // enhanced

	byteOrder = 0x1a2b3c4d

	optEnd         = 0
	optComment     = 1
	sectionProgram = 4
	ifaceName      = 2
	ifaceText      = 3
	ifaceTicks     = 9 // resolution of time stamps
	packetFlags    = 2
	statsBegin     = 2
	statsEnd       = 3
	statsReceived  = 4
	statsDropped   = 5

	// packetBlock is the length of a packet block without its data: 28 before
	// it, then the option with the flags, the end of options, and the length.
	packetBlock = 28 + 8 + 4 + 4

	nanoseconds = 9 // ticks are 10^-9 s

	flagInbound  = 1
	flagOutbound = 2
)

// appendPacket adds an enhanced packet block.
func appendPacket(buffer []byte, at stamp, iface int, d nio.Direction, length int, data []byte) []byte {
	start, padded := len(buffer), (len(data)+3)&^3
	size := packetBlock + padded
	buffer = slices.Grow(buffer, size)[:start+size]
	b := buffer[start:]
	binary.LittleEndian.PutUint32(b[0:], blockPacket)
	binary.LittleEndian.PutUint32(b[4:], uint32(size))
	binary.LittleEndian.PutUint32(b[8:], uint32(iface))
	binary.LittleEndian.PutUint32(b[12:], at.first)
	binary.LittleEndian.PutUint32(b[16:], at.second)
	binary.LittleEndian.PutUint32(b[20:], uint32(len(data)))
	binary.LittleEndian.PutUint32(b[24:], uint32(length))
	copy(b[28:], data)
	b = b[28+len(data):]
	for i := range padded - len(data) {
		b[i] = 0 // the memory may have been used before
	}
	b = b[padded-len(data):]
	flags := uint32(flagOutbound)
	if d == nio.Back {
		flags = flagInbound
	}
	binary.LittleEndian.PutUint32(b[0:], packetFlags|4<<16)
	binary.LittleEndian.PutUint32(b[4:], flags)
	binary.LittleEndian.PutUint32(b[8:], optEnd)
	binary.LittleEndian.PutUint32(b[12:], uint32(size))
	return buffer
}

// appendSection adds a section header block.
func appendSection(buffer []byte, comment string) []byte {
	buffer, start := beginBlock(buffer, blockSection)
	buffer = binary.LittleEndian.AppendUint32(buffer, byteOrder)
	buffer = binary.LittleEndian.AppendUint16(buffer, 1) // version 1.0
	buffer = binary.LittleEndian.AppendUint16(buffer, 0)
	buffer = binary.LittleEndian.AppendUint64(buffer, math.MaxUint64) // length unknown
	buffer = appendText(buffer, optComment, comment)
	buffer = appendText(buffer, sectionProgram, "Lanyard")
	return endBlock(buffer, start)
}

// appendInterface adds the description of a link.
func appendInterface(buffer []byte, snapLen int, name string, ends [2]string) []byte {
	buffer, start := beginBlock(buffer, blockInterface)
	buffer = binary.LittleEndian.AppendUint16(buffer, linkEthernet)
	buffer = binary.LittleEndian.AppendUint16(buffer, 0) // reserved
	buffer = binary.LittleEndian.AppendUint32(buffer, uint32(snapLen))
	buffer = appendText(buffer, ifaceName, name)
	if ends != [2]string{} {
		buffer = appendText(buffer, ifaceText, ends[0]+" to "+ends[1])
	}
	buffer = appendOption(buffer, ifaceTicks, []byte{nanoseconds})
	return endBlock(buffer, start)
}

// appendStatistics adds the counters of a link.
func appendStatistics(buffer []byte, iface int, s Stats, begin, end time.Time) []byte {
	buffer, start := beginBlock(buffer, blockStatistics)
	buffer = binary.LittleEndian.AppendUint32(buffer, uint32(iface))
	buffer = appendTime(buffer, end)
	buffer = appendOption(buffer, statsBegin, appendTime(nil, begin))
	buffer = appendOption(buffer, statsEnd, appendTime(nil, end))
	buffer = appendOption(buffer, statsReceived, binary.LittleEndian.AppendUint64(nil, s.Frames))
	buffer = appendOption(buffer, statsDropped, binary.LittleEndian.AppendUint64(nil, s.Dropped))
	return endBlock(buffer, start)
}

func appendTime(buffer []byte, at time.Time) []byte {
	nano := at.UnixNano()
	buffer = binary.LittleEndian.AppendUint32(buffer, uint32(nano>>32))
	return binary.LittleEndian.AppendUint32(buffer, uint32(nano))
}

// beginBlock adds what all blocks begin with; endBlock fills in the length.
func beginBlock(buffer []byte, kind uint32) ([]byte, int) {
	start := len(buffer)
	buffer = binary.LittleEndian.AppendUint32(buffer, kind)
	return binary.LittleEndian.AppendUint32(buffer, 0), start
}

// endBlock ends the options, and the block that begins at start.
func endBlock(buffer []byte, start int) []byte {
	buffer = binary.LittleEndian.AppendUint32(buffer, optEnd)
	size := uint32(len(buffer) - start + 4)
	binary.LittleEndian.PutUint32(buffer[start+4:], size)
	return binary.LittleEndian.AppendUint32(buffer, size)
}

// appendText adds an option, unless it is empty. It is cut at 4 KiB, far beyond
// any name; an option could hold 64 KiB.
func appendText(buffer []byte, code uint16, text string) []byte {
	if text == "" {
		return buffer
	}
	text = strings.ToValidUTF8(text[:min(len(text), 4<<10)], "")
	return appendOption(buffer, code, []byte(text))
}

func appendOption(buffer []byte, code uint16, value []byte) []byte {
	buffer = binary.LittleEndian.AppendUint16(buffer, code)
	buffer = binary.LittleEndian.AppendUint16(buffer, uint16(len(value)))
	buffer = append(buffer, value...)
	for len(buffer)%4 != 0 { // all blocks begin at a multiple of 4
		buffer = append(buffer, 0)
	}
	return buffer
}
