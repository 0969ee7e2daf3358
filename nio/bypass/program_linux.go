package bypass

import (
	"encoding/binary"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// ports are the source and the destination port of a datagram, as in its header.
type ports struct{ source, destination uint16 }

// word is the two ports as the program reads them: one word, in network order.
func (p ports) word() uint32 {
	var b [4]byte
	binary.BigEndian.PutUint16(b[:2], p.source)
	binary.BigEndian.PutUint16(b[2:], p.destination)
	return binary.NativeEndian.Uint32(b[:])
}

// entry is what the map holds for the ports of a datagram. The program knows
// this layout.
type entry struct {
	Ports         uint32 // to write in their place
	_             uint32
	Frames, Bytes uint64
}

const (
	entryFrames = 8
	entryBytes  = 16
)

// Offsets in struct __sk_buff, include/uapi/linux/bpf.h.
const (
	skbLength   = 0
	skbProtocol = 16
	skbData     = 76
	skbDataEnd  = 80
	skbSegments = 164
)

// Offsets in a packet on lo: an Ethernet header, an IPv4 header without options
// and a UDP header.
const (
	ipStart     = 14
	ipFragment  = ipStart + 6
	ipProtocol  = ipStart + 9
	ipSource    = ipStart + 12
	ipTarget    = ipStart + 16
	udpStart    = ipStart + 20
	udpChecksum = udpStart + 6
	udpEnd      = udpStart + 8
)

// csumFlags of bpf_l4_csum_replace: four bytes changed, and a checksum of 0
// means that there is none (BPF_F_MARK_MANGLED_0).
const csumFlags = 4 | 1<<5

// tcxNext leaves the packet to what else is attached, and then to lo.
const tcxNext = -1

// specification of the program: it looks up the ports of each IPv4 UDP datagram
// from 127.0.0.1 to 127.0.0.1, and writes others in their place if they are in
// the map. It leaves everything else alone.
func specification(entries *ebpf.Map) *ebpf.ProgramSpec {
	return &ebpf.ProgramSpec{
		Name: "lanyard_bypass", Type: ebpf.SchedCLS, AttachType: ebpf.AttachTCXEgress,
		Instructions: append(append(match(), look(entries)...), rewrite()...),
		License:      "Apache-2.0",
	}
}

const leave = "leave"

// match keeps the packet in R6 and its ports in R9.
func match() asm.Instructions {
	native := binary.NativeEndian
	loopback := int32(native.Uint32([]byte{127, 0, 0, 1}))
	ipv4 := int32(native.Uint16([]byte{unix.ETH_P_IP >> 8, unix.ETH_P_IP & 0xff}))
	fragment := int32(native.Uint16([]byte{0x3f, 0xff})) // more of them, or not the first
	return asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.LoadMem(asm.R2, asm.R6, skbProtocol, asm.Word),
		asm.JNE.Imm(asm.R2, ipv4, leave),
		asm.LoadMem(asm.R7, asm.R6, skbData, asm.Word),
		asm.LoadMem(asm.R8, asm.R6, skbDataEnd, asm.Word),
		asm.Mov.Reg(asm.R2, asm.R7),
		asm.Add.Imm(asm.R2, udpEnd),
		asm.JGT.Reg(asm.R2, asm.R8, leave),
		asm.LoadMem(asm.R2, asm.R7, ipStart, asm.Byte),
		asm.JNE.Imm(asm.R2, 0x45, leave), // version 4, a header of 5 words
		asm.LoadMem(asm.R2, asm.R7, ipProtocol, asm.Byte),
		asm.JNE.Imm(asm.R2, unix.IPPROTO_UDP, leave),
		asm.LoadMem(asm.R2, asm.R7, ipFragment, asm.Half),
		asm.JSet.Imm(asm.R2, fragment, leave),
		asm.LoadMem(asm.R2, asm.R7, ipSource, asm.Word),
		asm.JNE.Imm(asm.R2, loopback, leave),
		asm.LoadMem(asm.R2, asm.R7, ipTarget, asm.Word),
		asm.JNE.Imm(asm.R2, loopback, leave),
		asm.LoadMem(asm.R9, asm.R7, udpStart, asm.Word),
	}
}

// look finds the entry of the ports and keeps it in R7.
func look(entries *ebpf.Map) asm.Instructions {
	return asm.Instructions{
		asm.StoreMem(asm.RFP, -4, asm.R9, asm.Word),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -4),
		asm.LoadMapPtr(asm.R1, entries.FD()),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, leave),
		asm.Mov.Reg(asm.R7, asm.R0),
	}
}

// rewrite puts the ports of the entry into the packet, and counts it.
//
// The checksum is only corrected where there is one: most packets on lo carry
// that of the pseudo header, which has no ports in it. A packet may hold many
// datagrams (UDP_SEGMENT), which get their headers from its only one.
func rewrite() asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R8, asm.R7, 0, asm.Word),
		asm.StoreMem(asm.RFP, -8, asm.R8, asm.Word),

		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Imm(asm.R2, udpChecksum),
		asm.Mov.Reg(asm.R3, asm.R9),
		asm.Mov.Reg(asm.R4, asm.R8),
		asm.Mov.Imm(asm.R5, csumFlags),
		asm.FnL4CsumReplace.Call(),
		asm.JNE.Imm(asm.R0, 0, leave),

		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Imm(asm.R2, udpStart),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, -8),
		asm.Mov.Imm(asm.R4, 4),
		asm.Mov.Imm(asm.R5, 0),
		asm.FnSkbStoreBytes.Call(),
		asm.JNE.Imm(asm.R0, 0, leave),

		asm.LoadMem(asm.R2, asm.R6, skbSegments, asm.Word),
		asm.JNE.Imm(asm.R2, 0, "count"),
		asm.Mov.Imm(asm.R2, 1),
		asm.AddAtomic.Mem(asm.R7, asm.R2, asm.DWord, entryFrames).WithSymbol("count"),
		asm.LoadMem(asm.R2, asm.R6, skbLength, asm.Word),
		asm.Sub.Imm(asm.R2, udpEnd),
		asm.AddAtomic.Mem(asm.R7, asm.R2, asm.DWord, entryBytes),

		asm.Mov.Imm(asm.R0, tcxNext).WithSymbol(leave),
		asm.Return(),
	}
}
