package main

import (
	"encoding/binary"
	"time"
)

// A test frame is an Ethernet frame of the experimental type, so that it passes
// switches and TAPs as well as bare tunnels:
//
//	0 destination, 6 source, 12 type 0x88b5, 14 magic, 18 stream,
//	20 length, 24 number, 32 time it was sent, 40 fill
const (
	frameType  = 0x88b5
	frameMagic = 0x6c616e79
	frameMin   = 40
)

// mac is the address of one of the generator's stations.
func mac(station int) [6]byte {
	return [6]byte{2, 0, 0, 0, byte(station >> 8), byte(station)}
}

func initFrame(b []byte, stream uint16, to, from [6]byte) {
	copy(b, to[:])
	copy(b[6:], from[:])
	binary.BigEndian.PutUint16(b[12:], frameType)
	binary.LittleEndian.PutUint32(b[14:], frameMagic)
	binary.LittleEndian.PutUint16(b[18:], stream)
	binary.LittleEndian.PutUint32(b[20:], uint32(len(b)))
	for i := frameMin; i < len(b); i++ {
		b[i] = byte(i * 31)
	}
}

func stampFrame(b []byte, number uint64, sent time.Duration) {
	binary.LittleEndian.PutUint64(b[24:], number)
	binary.LittleEndian.PutUint64(b[32:], uint64(sent))
}

// parseFrame is not ok for frames that are not of that stream.
func parseFrame(b []byte, stream uint16) (number uint64, sent time.Duration, ok bool) {
	if len(b) < frameMin || binary.LittleEndian.Uint32(b[14:]) != frameMagic ||
		binary.LittleEndian.Uint16(b[18:]) != stream {
		return 0, 0, false
	}
	return binary.LittleEndian.Uint64(b[24:]), time.Duration(binary.LittleEndian.Uint64(b[32:])), true
}

// intact compares what does not change from frame to frame.
func intact(b []byte) bool {
	if int(binary.LittleEndian.Uint32(b[20:])) != len(b) {
		return false
	}
	for i := frameMin; i < len(b); i++ {
		if b[i] != byte(i*31) {
			return false
		}
	}
	return true
}

// began is the zero of the times in frames.
var began = time.Now()

func now() time.Duration { return time.Since(began) }
