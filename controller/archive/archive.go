// Package archive writes and reads project archives, which are ZIP files: folders
// of any size in constant memory.
//
// What is read comes from strangers. An archive is judged whole, from its
// directory, before a byte of it is written anywhere.
package archive

import (
	"compress/flate"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// Compression is how the files of an archive are compressed.
type Compression string

// The compressions, in the words of GNS3's API.
const (
	None  Compression = "none"
	Zip   Compression = "zip" // DEFLATE, which every program reads
	Bzip2 Compression = "bzip2"
	LZMA  Compression = "lzma"
	Zstd  Compression = "zstd"
)

// ParseCompression finds a compression by its name, which a client gave; an
// empty one is Zip. Invalid.
func ParseCompression(name string) (Compression, error) {
	if name == "" {
		return Zip, nil
	}
	c := Compression(name)
	if _, ok := c.method(); !ok {
		return "", fault.Errorf(fault.Invalid, "cannot compress with %.40q: choose none, zip, bzip2, lzma or zstd", name)
	}
	return c, nil
}

// The methods of compression in a ZIP file, from its specification, APPNOTE.TXT
// 6.3.10, section 4.4.5.
const (
	methodStore   = 0
	methodDeflate = 8
	methodBzip2   = 12
	methodLZMA    = 14
	methodZstd    = 93
)

func (c Compression) method() (uint16, bool) {
	switch c {
	case None:
		return methodStore, true
	case Zip:
		return methodDeflate, true
	case Bzip2:
		return methodBzip2, true
	case LZMA:
		return methodLZMA, true
	case Zstd:
		return methodZstd, true
	}
	return 0, false
}

// levels are the levels that a compression has; none has level 0 only.
func (c Compression) levels() (first, last int) {
	switch c {
	case Zip:
		return flate.BestSpeed, flate.BestCompression
	case Bzip2, LZMA:
		return 1, 9
	case Zstd:
		return 1, 22
	}
	return 0, 0
}

// Options say how an archive is written.
type Options struct {
	Compression Compression
	Level       int // 0 for what is usual
}

func (o Options) check() error {
	if _, ok := o.Compression.method(); !ok {
		return fault.Errorf(fault.Invalid, "cannot compress with %q", o.Compression)
	}
	if first, last := o.Compression.levels(); o.Level != 0 && (o.Level < first || o.Level > last) {
		if first == last {
			return fault.Errorf(fault.Invalid, "cannot compress with %s at level %d: it has no levels", o.Compression, o.Level)
		}
		return fault.Errorf(fault.Invalid, "cannot compress with %s at level %d: the levels are %d to %d", o.Compression, o.Level, first, last)
	}
	return nil
}
