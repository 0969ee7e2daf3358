package archive

import (
	"archive/zip"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// shareFrom is the size in bytes from which a file is worth to be shared.
const shareFrom = 64 << 10

// Fields that a file can have besides those of all; APPNOTE.TXT 4.5. Android's
// build tools chose the number of the one that only takes up room.
const (
	extraZip64   = 1
	extraPadding = 0xd935
)

// fileWriter writes an archive of files that are not compressed into a file of
// its own. Where the file system can, the files in it share their bytes with the
// originals; that is why they begin at the begin of a block.
type fileWriter struct {
	ctx     context.Context
	to      *os.File
	at      int64 // where the next header goes
	central []byte
	count   uint64
	buffer  []byte
	noShare bool  // the file system cannot
	shared  int64 // bytes
}

// NewFileWriter begins an archive in an empty file, without compression. Large
// files share their bytes with the originals where the file system can.
func NewFileWriter(ctx context.Context, to *os.File) (*Writer, error) {
	w := &Writer{ctx: ctx, options: Options{Compression: None}, buffer: make([]byte, bufferSize), names: map[string]bool{}}
	w.file = &fileWriter{ctx: ctx, to: to, buffer: w.buffer}
	return w, nil
}

// entry is what the headers of a file tell.
type entry struct {
	zip.FileHeader
	offset int64 // of the local header
	wide   bool  // the sizes need 64 bits
}

// add writes a file. It reads at most size bytes of it.
func (z *fileWriter) add(header zip.FileHeader, size int64, from io.Reader) error {
	e := entry{FileHeader: header, offset: z.at, wide: size >= math.MaxUint32}
	source, isFile := from.(*os.File)
	begin := z.at + localHeader + int64(len(e.Name)) + int64(len(e.localExtra(0)))
	padding := int64(0)
	if isFile && size >= shareFrom {
		const smallest = 6 // of the field that takes up room
		padding = smallest + (blockSize-(begin+smallest)%blockSize)%blockSize
	}
	data := begin + padding
	var err error
	if isFile && size >= shareFrom {
		e.CRC32, e.CompressedSize64, err = z.fill(source, data, size)
	} else {
		e.CRC32, e.CompressedSize64, err = z.copy(io.LimitReader(from, size), data)
	}
	if err != nil {
		return err
	}
	e.UncompressedSize64 = e.CompressedSize64
	if _, err := z.to.WriteAt(e.local(int(padding)), e.offset); err != nil {
		return err
	}
	z.central = e.appendCentral(z.central)
	z.at = data + int64(e.CompressedSize64)
	z.count++
	return nil
}

// copy appends what is read.
func (z *fileWriter) copy(from io.Reader, at int64) (sum uint32, size uint64, err error) {
	for {
		if err := z.ctx.Err(); err != nil {
			return 0, 0, err
		}
		n, err := from.Read(z.buffer)
		if n > 0 {
			sum = crc32.Update(sum, crc32.IEEETable, z.buffer[:n])
			if _, err := z.to.WriteAt(z.buffer[:n], at+int64(size)); err != nil {
				return 0, 0, err
			}
			size += uint64(n)
		}
		if errors.Is(err, io.EOF) {
			return sum, size, nil
		}
		if err != nil {
			return 0, 0, err
		}
	}
}

// fill has a large file at the begin of a block.
func (z *fileWriter) fill(from *os.File, at, size int64) (uint32, uint64, error) {
	whole := size - size%blockSize
	before, err := from.Stat()
	if err != nil {
		return 0, 0, err
	}
	if z.noShare || z.share(from, at, whole) != nil {
		z.noShare = true
		return z.copyFile(from, at, size)
	}
	z.shared += whole
	// The original is in memory more often than its copy is. If it changes
	// meanwhile, the copy has to be read.
	sum, err := checksum(z.ctx, from, 0, whole, z.buffer)
	if after, statErr := from.Stat(); err != nil || statErr != nil || !after.ModTime().Equal(before.ModTime()) || after.Size() != before.Size() {
		sum, err = checksum(z.ctx, z.to, at, whole, z.buffer)
	}
	if err != nil {
		return 0, 0, err
	}
	rest := make([]byte, size-whole)
	if _, err := from.ReadAt(rest, whole); err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, err
	}
	if _, err := z.to.WriteAt(rest, at+whole); err != nil {
		return 0, 0, err
	}
	return crc32.Update(sum, crc32.IEEETable, rest), uint64(size), nil
}

// copyFile writes a file with its holes.
func (z *fileWriter) copyFile(from *os.File, at, size int64) (sum uint32, _ uint64, err error) {
	done := int64(0)
	for done < size {
		if err := z.ctx.Err(); err != nil {
			return 0, 0, err
		}
		if to, isHole := holeAt(from, done, size); isHole {
			sum, done = withZeros(sum, to-done), to
			continue
		}
		n, err := from.ReadAt(z.buffer[:min(int64(len(z.buffer)), size-done)], done)
		if n == 0 && errors.Is(err, io.EOF) {
			break // it became shorter
		}
		if n == 0 {
			return 0, 0, err
		}
		sum = crc32.Update(sum, crc32.IEEETable, z.buffer[:n])
		if _, err := z.to.WriteAt(z.buffer[:n], at+done); err != nil {
			return 0, 0, err
		}
		done += int64(n)
	}
	return sum, uint64(done), nil
}

func (z *fileWriter) share(from *os.File, at, size int64) error {
	// The file must reach to where the bytes begin.
	if err := z.to.Truncate(at); err != nil {
		return err
	}
	return cloneRange(z.to, at, from, 0, size)
}

// cloneRange lets a file share a part of another one; all begins and ends with
// blocks.
func cloneRange(to *os.File, at int64, from *os.File, begin, size int64) error {
	return unix.IoctlFileCloneRange(int(to.Fd()), &unix.FileCloneRange{
		Src_fd: int64(from.Fd()), Src_offset: uint64(begin), Src_length: uint64(size), Dest_offset: uint64(at),
	})
}

// close writes the directory.
func (z *fileWriter) close() error {
	end := binary.LittleEndian
	begin, size := z.at, len(z.central)
	tail := z.central
	count, at := uint16(min(z.count, math.MaxUint16)), uint32(min(begin, math.MaxUint32))
	if z.count >= math.MaxUint16 || begin >= math.MaxUint32 {
		record := begin + int64(size)
		tail = end.AppendUint32(tail, zip64Signature)
		tail = end.AppendUint64(tail, zip64EndRecord-12)
		tail = append(tail, 45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0) // versions, disks
		for _, n := range []uint64{z.count, z.count, uint64(size), uint64(begin)} {
			tail = end.AppendUint64(tail, n)
		}
		tail = end.AppendUint32(tail, locatorSignature)
		tail = end.AppendUint32(tail, 0)
		tail = end.AppendUint64(tail, uint64(record))
		tail = end.AppendUint32(tail, 1)
		count, at = math.MaxUint16, math.MaxUint32
	}
	tail = end.AppendUint32(tail, endSignature)
	tail = append(tail, 0, 0, 0, 0)
	tail = end.AppendUint16(end.AppendUint16(tail, count), count)
	tail = end.AppendUint32(end.AppendUint32(tail, uint32(size)), at)
	tail = append(tail, 0, 0)
	_, err := z.to.WriteAt(tail, begin)
	return err
}

// local is the header before the file, with a field that takes up room.
func (e *entry) local(padding int) []byte {
	extra := e.localExtra(padding)
	h := binary.LittleEndian.AppendUint32(nil, 0x04034b50)
	h = e.appendCommon(h)
	h = binary.LittleEndian.AppendUint16(h, uint16(len(e.Name)))
	h = binary.LittleEndian.AppendUint16(h, uint16(len(extra)))
	return append(append(h, e.Name...), extra...)
}

func (e *entry) localExtra(padding int) []byte {
	var extra []byte
	if e.wide {
		extra = binary.LittleEndian.AppendUint16(extra, extraZip64)
		extra = binary.LittleEndian.AppendUint16(extra, 16)
		extra = binary.LittleEndian.AppendUint64(extra, e.UncompressedSize64)
		extra = binary.LittleEndian.AppendUint64(extra, e.CompressedSize64)
	}
	if padding > 0 {
		extra = binary.LittleEndian.AppendUint16(extra, extraPadding)
		extra = binary.LittleEndian.AppendUint16(extra, uint16(padding-4))
		extra = binary.LittleEndian.AppendUint16(extra, blockSize)
		extra = append(extra, make([]byte, padding-6)...)
	}
	return extra
}

// appendCommon appends what both headers have: version, flags, method, time,
// checksum and sizes.
func (e *entry) appendCommon(h []byte) []byte {
	version, flags := uint16(20), uint16(1<<11) // names are UTF-8
	sizes := [2]uint32{uint32(e.CompressedSize64), uint32(e.UncompressedSize64)}
	if e.wide {
		version, sizes = 45, [2]uint32{math.MaxUint32, math.MaxUint32}
	}
	date, clock := dosTime(e.Modified)
	for _, n := range []uint16{version, flags, methodStore, clock, date} {
		h = binary.LittleEndian.AppendUint16(h, n)
	}
	for _, n := range []uint32{e.CRC32, sizes[0], sizes[1]} {
		h = binary.LittleEndian.AppendUint32(h, n)
	}
	return h
}

// dosTime is a time as ZIP files have it, in steps of two seconds, from 1980 on.
func dosTime(t time.Time) (date, clock uint16) {
	t = t.UTC()
	if t.Year() < 1980 || t.Year() > 2107 {
		return 1<<5 | 1, 0
	}
	return uint16(t.Day() | int(t.Month())<<5 | (t.Year()-1980)<<9), uint16(t.Second()/2 | t.Minute()<<5 | t.Hour()<<11)
}

// appendCentral appends the header in the directory.
func (e *entry) appendCentral(h []byte) []byte {
	const unixTime = 0x5455
	extra := binary.LittleEndian.AppendUint16(nil, unixTime)
	extra = append(extra, 5, 0, 1)
	extra = binary.LittleEndian.AppendUint32(extra, uint32(e.Modified.Unix()))
	offset := uint32(min(e.offset, math.MaxUint32))
	var numbers []uint64
	if e.wide {
		numbers = append(numbers, e.UncompressedSize64, e.CompressedSize64)
	}
	if e.offset >= math.MaxUint32 {
		numbers = append(numbers, uint64(e.offset))
	}
	if len(numbers) > 0 {
		extra = binary.LittleEndian.AppendUint16(extra, extraZip64)
		extra = binary.LittleEndian.AppendUint16(extra, uint16(8*len(numbers)))
		for _, n := range numbers {
			extra = binary.LittleEndian.AppendUint64(extra, n)
		}
	}
	h = binary.LittleEndian.AppendUint32(h, centralSignature)
	h = append(h, 45, 3) // as Unix has it
	h = e.appendCommon(h)
	for _, n := range []int{len(e.Name), len(extra), 0, 0, 0} {
		h = binary.LittleEndian.AppendUint16(h, uint16(n))
	}
	h = binary.LittleEndian.AppendUint32(h, e.ExternalAttrs)
	h = binary.LittleEndian.AppendUint32(h, offset)
	return append(append(h, e.Name...), extra...)
}
