package capture

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

const (
	pcapMagic    = 0xa1b2c3d4 // microseconds
	pcapHeader   = 16         // of a record
	linkEthernet = 1
	// maxSnapLen is what a reader of a classic file expects at most.
	maxSnapLen = 65535
)

// encoder turns frames into records of one format. It never changes.
type encoder struct {
	format  Format
	snapLen int // > 0
}

func newEncoder(format Format, snapLen int) encoder {
	if snapLen == 0 || snapLen > maxSnapLen {
		snapLen = maxSnapLen
	}
	return encoder{format, snapLen}
}

// stamp is a time as it is in a record. It is made once for a batch: its frames
// came together.
type stamp struct{ first, second uint32 }

func (e encoder) stamp(nano int64) stamp {
	if e.format == PcapNG {
		return stamp{uint32(nano >> 32), uint32(nano)}
	}
	return stamp{uint32(nano / 1e9), uint32(nano % 1e9 / 1e3)}
}

// size is the length of the record of a frame.
func (e encoder) size(frame int) int {
	kept := min(frame, e.snapLen)
	if e.format == PcapNG {
		return packetBlock + (kept+3)&^3
	}
	return pcapHeader + kept
}

// append adds a record of a frame that had length bytes, of which data is known.
// Only PcapNG tells the interface and the direction.
func (e encoder) append(buffer []byte, at stamp, iface int, d nio.Direction, length int, data []byte) []byte {
	data = data[:min(len(data), e.snapLen)]
	if e.format == PcapNG {
		return appendPacket(buffer, at, iface, d, length, data)
	}
	start := len(buffer)
	buffer = slices.Grow(buffer, pcapHeader+len(data))[:start+pcapHeader+len(data)]
	record := buffer[start:]
	binary.LittleEndian.PutUint32(record[0:], at.first)
	binary.LittleEndian.PutUint32(record[4:], at.second)
	binary.LittleEndian.PutUint32(record[8:], uint32(len(data)))
	binary.LittleEndian.PutUint32(record[12:], uint32(length))
	copy(record[pcapHeader:], data)
	return buffer
}

// header is what a file or stream of one link begins with.
func (e encoder) header(o Options) []byte {
	if e.format == PcapNG {
		return appendInterface(appendSection(nil, ""), e.snapLen, o.Link, o.Ends)
	}
	header := binary.LittleEndian.AppendUint32(nil, pcapMagic)
	header = binary.LittleEndian.AppendUint16(header, 2) // version 2.4
	header = binary.LittleEndian.AppendUint16(header, 4)
	header = binary.LittleEndian.AppendUint64(header, 0) // reserved
	header = binary.LittleEndian.AppendUint32(header, uint32(e.snapLen))
	return binary.LittleEndian.AppendUint32(header, linkEthernet)
}

// trailer is what a file or stream of one link ends with, if nothing went wrong.
func (e encoder) trailer(s Stats, begin, end time.Time) []byte {
	if e.format == PcapNG {
		return appendStatistics(nil, 0, s, begin, end)
	}
	return nil
}

// length is the length of the first of some whole records.
func (e encoder) length(records []byte) int {
	if e.format == PcapNG {
		return int(binary.LittleEndian.Uint32(records[4:]))
	}
	return pcapHeader + int(binary.LittleEndian.Uint32(records[8:]))
}

// fit returns how many whole records there are in the first n bytes, and their
// length.
func (e encoder) fit(records []byte, n int64) (count uint64, length int) {
	for length < len(records) {
		next := length + e.length(records[length:])
		if int64(next) > n {
			break
		}
		length = next
		count++
	}
	return count, length
}
