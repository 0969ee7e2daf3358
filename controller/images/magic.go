package images

import (
	"bytes"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// magicLength is how much of the beginning of an image tells what it is.
const magicLength = 7

// The beginnings of ELF files: magic, class (1: 32 bits, 2: 64 bits), order of
// bytes (1: little endian, 2: big endian), version.
const (
	elf32Big    = "\x7fELF\x01\x02\x01"
	elf32Little = "\x7fELF\x01\x01\x01"
	elf64Little = "\x7fELF\x02\x01\x01"
)

// checkMagic refuses what an emulator can certainly not run; Conflict. begin is
// how the image begins, at least magicLength bytes of it if it is that long.
func checkMagic(emulator, name string, begin []byte) error {
	var wanted string
	switch emulator {
	case "dynamips":
		if bytes.HasPrefix(begin, []byte(elf32Big)) {
			return nil
		}
		wanted = "an IOS image, which is a 32-bit big-endian ELF file"
	case "iou":
		if bytes.HasPrefix(begin, []byte(elf32Little)) || bytes.HasPrefix(begin, []byte(elf64Little)) {
			return nil
		}
		wanted = "an IOU image, which is an ELF program for x86"
	default:
		return nil // QEMU takes disks of many formats, and raw ones of any contents
	}
	return fault.Errorf(fault.Conflict, "cannot take %q as %s: %s", name, wanted, whatItIs(begin))
}

// whatItIs tells what a file is by how it begins.
func whatItIs(begin []byte) string {
	has := func(magic string) bool { return bytes.HasPrefix(begin, []byte(magic)) }
	switch {
	case len(begin) == 0:
		return "it is empty"
	case len(begin) < magicLength:
		return "it is too short"
	case has("PK\x03\x04"):
		return "it is a ZIP archive; unpack it first"
	case has("\x1f\x8b"), has("BZh"), has("\xfd7zXZ"), has("7z\xbc\xaf"):
		return "it is compressed; unpack it first"
	case has("QFI\xfb"):
		return "it is a QEMU disk"
	case has("\x7fELF"):
		return "it is an ELF file for another kind of machine"
	case has("<"):
		return "it is a web page or XML; the download may have failed"
	default:
		return "it begins with other bytes"
	}
}
