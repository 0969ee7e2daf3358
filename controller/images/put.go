package images

import (
	"bufio"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"path"

	"github.com/lanyard-lab/lanyard/controller/atomicfile"
	"github.com/lanyard-lab/lanyard/controller/fault"
)

// Put takes an image of any size from a reader, in constant memory. It takes
// the place of one of the same name when it is whole and on the disk; of two
// uploads of one name, the one that ends last stays. Conflict for what the
// emulator can certainly not run, NoSpace when the disk is full, Invalid when
// from fails before its end.
func (f *Folder) Put(ctx context.Context, emulator, name string, from io.Reader) (Image, error) {
	s, err := f.locate(emulator, name)
	if err != nil {
		return Image{}, err
	}
	buffered := bufio.NewReaderSize(&untilDone{ctx, from}, 64<<10)
	begin, err := buffered.Peek(magicLength)
	if err != nil && !errors.Is(err, io.EOF) {
		return Image{}, cutShort(ctx, name, err)
	}
	if err := checkMagic(emulator, name, begin); err != nil && !isAppliance(name) {
		return Image{}, err
	}
	file, err := atomicfile.Create(s.root, name)
	if err != nil {
		return Image{}, err
	}
	defer file.Abort()
	hash := md5.New()
	size, err := copyAll(io.MultiWriter(file, hash), buffered)
	if err != nil {
		return Image{}, cutShort(ctx, name, err)
	}
	text := hex.EncodeToString(hash.Sum(nil))
	if err := s.replace(ctx, file, name, text); err != nil {
		return Image{}, err
	}
	return Image{Filename: path.Base(name), Path: name, MD5: text, Size: size}, nil
}

// replace puts a finished upload in its place. A crash at any point leaves an
// image without a checksum at worst, never with a wrong one.
func (s *shelf) replace(ctx context.Context, file *atomicfile.File, name, text string) error {
	if err := s.sums.hold(ctx); err != nil {
		return err
	}
	defer s.sums.letGo()
	_ = s.root.Remove(name + sumSuffix) // most often there is none; one that stays is older than the image
	// An IOU image is a program that is run.
	if err := file.Commit(0o755); err != nil {
		return err
	}
	s.sums.forget(name)
	_ = s.sums.store(name, text) // the image is there; its checksum can be computed again
	if info, err := s.root.Stat(name); err == nil {
		s.sums.learn(name, stateOf(info), text)
	}
	return nil
}

// copyAll is io.Copy with a buffer of fixed size, whatever the two can do.
func copyAll(to io.Writer, from io.Reader) (int64, error) {
	buffer := make([]byte, 128<<10)
	var size int64
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return size, err
			}
			size += int64(n)
		}
		if errors.Is(err, io.EOF) {
			return size, nil
		}
		if err != nil {
			return size, err
		}
	}
}

// cutShort tells why an upload failed: the disk's errors are told already.
func cutShort(ctx context.Context, name string, err error) error {
	var told *fault.Error
	if errors.As(err, &told) {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.Errorf(fault.Invalid, "cannot take image %q: the upload ended early: %w", name, err)
}
