package archive

import (
	"compress/bzip2"
	"compress/flate"
	"errors"
	"io"

	bzip2writer "github.com/dsnet/compress/bzip2"
	fastflate "github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
)

// compressor makes the writer of one file's compressed bytes.
func (o Options) compressor(to io.Writer) (io.WriteCloser, error) {
	switch o.Compression {
	case Zip:
		level := o.Level
		if level == 0 {
			level = fastflate.DefaultCompression
		}
		return fastflate.NewWriter(to, level)
	case Bzip2:
		level := o.Level
		if level == 0 {
			level = bzip2writer.BestCompression // the usual one, also of Python
		}
		return bzip2writer.NewWriter(to, &bzip2writer.WriterConfig{Level: level})
	case LZMA:
		return newLZMAWriter(to, o.Level)
	case Zstd:
		level := zstd.SpeedDefault
		if o.Level != 0 {
			level = zstd.EncoderLevelFromZstd(o.Level)
		}
		return zstd.NewWriter(to, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	default:
		return plain{to}, nil
	}
}

// plain writes what it gets.
type plain struct{ io.Writer }

func (plain) Close() error { return nil }

// isReadable reports whether files of a method of compression can be read.
func isReadable(method uint16) bool {
	switch method {
	case methodStore, methodDeflate, methodBzip2, methodLZMA, methodZstd:
		return true
	}
	return false
}

// unpacker unpacks files, one after the other. What it needs of memory it keeps
// for the next file: many small ones must not cost the memory of many large ones.
type unpacker struct {
	buffer []byte
	zstd   *zstd.Decoder // nil until it is needed
}

func newUnpacker() *unpacker { return &unpacker{buffer: make([]byte, bufferSize)} }

func (u *unpacker) close() {
	if u.zstd != nil {
		u.zstd.Close()
	}
}

// decompressor reads a file that has size bytes when they are not compressed. It is good until
// the next one.
func (u *unpacker) decompressor(method uint16, from io.Reader, size uint64, marked bool) (io.Reader, error) {
	switch method {
	case methodStore:
		return from, nil
	case methodDeflate:
		return flate.NewReader(from), nil
	case methodBzip2:
		return bzip2.NewReader(from), nil
	case methodLZMA:
		return newLZMAReader(from, size, marked)
	case methodZstd:
		if u.zstd != nil {
			return u.zstd, u.zstd.Reset(from)
		}
		r, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxDictionary))
		u.zstd = r
		return r, err
	default:
		return nil, errors.New("it is compressed in an unknown way")
	}
}
