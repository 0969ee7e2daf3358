package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// An LZMA stream in a ZIP file begins with the version of the encoder and the
// size of the properties, two bytes each, then come the properties: one byte of
// parameters and the size of the dictionary; APPNOTE.TXT 5.8.8. In a file of its
// own, it begins with the properties and the size of what is in it, eight bytes.
const (
	lzmaProperties = 5
	lzmaZipHeader  = 4 + lzmaProperties
	lzmaFileHeader = lzmaProperties + 8
)

// maxDictionary is the memory in bytes that a file in an archive may ask for.
const maxDictionary = 64 << 20

// lzmaDictionary is the size of the dictionary at a level, as xz chooses it.
func lzmaDictionary(level int) int {
	if level == 0 {
		level = 6
	}
	return []int{1: 1 << 20, 2 << 20, 4 << 20, 4 << 20, 8 << 20, 8 << 20, 16 << 20, 32 << 20, 64 << 20}[level]
}

func newLZMAWriter(to io.Writer, level int) (io.WriteCloser, error) {
	return lzma.WriterConfig{DictCap: lzmaDictionary(level), SizeInHeader: false, EOSMarker: true}.NewWriter(&lzmaZip{to: to})
}

// lzmaZip turns the header of an LZMA file into that of a ZIP file.
type lzmaZip struct {
	to     io.Writer
	header []byte // as far as it came
}

func (z *lzmaZip) Write(p []byte) (int, error) {
	if len(z.header) == lzmaFileHeader {
		return z.to.Write(p)
	}
	taken := min(len(p), lzmaFileHeader-len(z.header))
	z.header = append(z.header, p[:taken]...)
	if len(z.header) < lzmaFileHeader {
		return taken, nil
	}
	// Version 9.4 is that of the SDK which Python and 7-Zip name, too.
	header := append([]byte{9, 4, lzmaProperties, 0}, z.header[:lzmaProperties]...)
	if _, err := z.to.Write(header); err != nil {
		return 0, err
	}
	if taken == len(p) {
		return taken, nil
	}
	n, err := z.to.Write(p[taken:])
	return taken + n, err
}

// newLZMAReader reads size bytes. A stream that has a mark at its end is read up
// to there.
func newLZMAReader(from io.Reader, size uint64, marked bool) (io.Reader, error) {
	var header [lzmaZipHeader]byte
	if _, err := io.ReadFull(from, header[:]); err != nil {
		return nil, err
	}
	if header[2] != lzmaProperties || header[3] != 0 {
		return nil, errors.New("it has unknown LZMA properties")
	}
	if binary.LittleEndian.Uint32(header[5:]) > maxDictionary {
		return nil, errors.New("it asks for too much memory")
	}
	// Nothing reaches back further than the file is long: many small files must not
	// cost the memory of large ones.
	if needed := max(size, lzma.MinDictCap); uint64(binary.LittleEndian.Uint32(header[5:])) > needed {
		binary.LittleEndian.PutUint32(header[5:], uint32(needed))
	}
	if marked {
		size = 1<<64 - 1 // not known
	}
	begin := binary.LittleEndian.AppendUint64(header[4:lzmaZipHeader:lzmaZipHeader], size)
	return lzma.NewReader(io.MultiReader(bytes.NewReader(begin), from))
}
