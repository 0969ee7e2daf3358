package archive

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// The sizes of the parts of a ZIP file without what they have of variable length,
// and their signatures; APPNOTE.TXT 4.3.
const (
	localHeader    = 30
	centralHeader  = 46
	endRecord      = 22
	zip64Locator   = 20
	zip64EndRecord = 56

	centralSignature = 0x02014b50
	endSignature     = 0x06054b50
	locatorSignature = 0x07064b50
	zip64Signature   = 0x06064b50
)

// directoryEnd is what an archive says about its directory.
type directoryEnd struct {
	entries      uint64
	size, offset uint64
	at           int64 // where this is written
}

// findDirectory counts what is in the directory of an archive before it is read
// into memory, and tells where it is. An archive that has
// anything else before or after it is refused: two programs could read two
// different archives there.
func findDirectory(from io.ReaderAt, size int64) (directoryEnd, error) {
	end, err := readEnd(from, size)
	if err != nil {
		return directoryEnd{}, err
	}
	if end.entries > maxEntries {
		return directoryEnd{}, tooMany()
	}
	if end.size > uint64(end.at) || end.offset != uint64(end.at)-end.size {
		return directoryEnd{}, fault.Errorf(fault.Conflict, "cannot read the archive: its directory is not where it should be; it was cut off or is damaged")
	}
	if end.size > maxDirectory {
		return directoryEnd{}, fault.Errorf(fault.Conflict, "cannot use the archive: its directory has more than %d MiB", maxDirectory>>20)
	}
	count, err := countEntries(io.NewSectionReader(from, int64(end.offset), int64(end.size)))
	if err != nil {
		return directoryEnd{}, err
	}
	if count != end.entries {
		return directoryEnd{}, fault.Errorf(fault.Conflict, "cannot read the archive: its directory has %d files and says to have %d", count, end.entries)
	}
	return end, nil
}

func tooMany() error {
	return fault.Errorf(fault.Conflict, "cannot use the archive: it has more than %d files", maxEntries)
}

func tooManyFolders() error {
	return fault.Errorf(fault.Conflict, "cannot use the archive: it has more than %d folders", maxEntries)
}

// countEntries goes over the directory in constant memory.
func countEntries(directory io.Reader) (uint64, error) {
	damaged := fault.Errorf(fault.Conflict, "cannot read the archive: its directory is damaged")
	r := bufio.NewReaderSize(directory, 64<<10)
	var header [centralHeader]byte
	for count := uint64(0); ; count++ {
		if _, err := io.ReadFull(r, header[:]); errors.Is(err, io.EOF) {
			return count, nil
		} else if err != nil || binary.LittleEndian.Uint32(header[:]) != centralSignature {
			return 0, damaged
		}
		if count == maxEntries {
			return 0, tooMany()
		}
		rest := 0 // name, extra fields and comment
		for _, at := range []int{28, 30, 32} {
			rest += int(binary.LittleEndian.Uint16(header[at:]))
		}
		if _, err := r.Discard(rest); err != nil {
			return 0, damaged
		}
	}
}

// readEnd reads the last record of an archive, which must end with it or with
// its comment.
func readEnd(from io.ReaderAt, size int64) (directoryEnd, error) {
	tail := make([]byte, min(size, endRecord+math.MaxUint16))
	if _, err := from.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return directoryEnd{}, fault.Errorf(fault.Unavailable, "cannot read the archive: %w", err)
	}
	for at := len(tail) - endRecord; at >= 0; at-- {
		record := tail[at:]
		comment := int(binary.LittleEndian.Uint16(record[endRecord-2:]))
		if binary.LittleEndian.Uint32(record) != endSignature || endRecord+comment > len(record) {
			continue
		}
		if endRecord+comment < len(record) {
			return directoryEnd{}, fault.Errorf(fault.Conflict, "cannot read the archive: there is something else behind it")
		}
		end := directoryEnd{
			entries: uint64(binary.LittleEndian.Uint16(record[10:])), size: uint64(binary.LittleEndian.Uint32(record[12:])),
			offset: uint64(binary.LittleEndian.Uint32(record[16:])), at: size - int64(len(record)),
		}
		return end.wide(from), nil
	}
	if bytes.HasPrefix(tail, []byte("PK")) || size > int64(len(tail)) {
		return directoryEnd{}, fault.Errorf(fault.Conflict, "cannot read the archive: it is no ZIP file, or was cut off; send it whole")
	}
	return directoryEnd{}, fault.Errorf(fault.Conflict, "cannot read the archive: it is no ZIP file")
}

// wide is the end with the numbers of a large archive, which stand in records of
// their own before it. It looks for them just when package archive/zip does, so
// that both see the same directory.
func (e directoryEnd) wide(from io.ReaderAt) directoryEnd {
	if e.entries != math.MaxUint16 && e.size != math.MaxUint16 && e.offset != math.MaxUint32 {
		return e
	}
	var locator [zip64Locator]byte
	if e.at < zip64Locator+zip64EndRecord {
		return e
	}
	if _, err := from.ReadAt(locator[:], e.at-zip64Locator); err != nil || binary.LittleEndian.Uint32(locator[:]) != locatorSignature {
		return e
	}
	if binary.LittleEndian.Uint32(locator[4:]) != 0 || binary.LittleEndian.Uint32(locator[16:]) != 1 {
		return e // of several disks
	}
	at := binary.LittleEndian.Uint64(locator[8:])
	var record [zip64EndRecord]byte
	if at > uint64(e.at-zip64Locator-zip64EndRecord) {
		return e
	}
	if _, err := from.ReadAt(record[:], int64(at)); err != nil || binary.LittleEndian.Uint32(record[:]) != zip64Signature {
		return e
	}
	return directoryEnd{
		entries: binary.LittleEndian.Uint64(record[32:]), size: binary.LittleEndian.Uint64(record[40:]),
		offset: binary.LittleEndian.Uint64(record[48:]), at: int64(at),
	}
}
