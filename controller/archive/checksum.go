package archive

import (
	"context"
	"errors"
	"hash/crc32"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// checksum is that of a part of a file, which must have it all. Holes cost
// nothing.
func checksum(ctx context.Context, file *os.File, at, size int64, buffer []byte) (uint32, error) {
	sum, end := uint32(0), at+size
	for at < end {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if to, isHole := holeAt(file, at, end); isHole {
			sum, at = withZeros(sum, to-at), to
			continue
		}
		n, err := file.ReadAt(buffer[:min(int64(len(buffer)), end-at)], at)
		if n == 0 {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		sum = crc32.Update(sum, crc32.IEEETable, buffer[:n])
		at += int64(n)
	}
	return sum, nil
}

// holeAt reports whether a file has a hole at a place, and where that ends.
func holeAt(file *os.File, at, end int64) (to int64, isHole bool) {
	data, err := unix.Seek(int(file.Fd()), at, unix.SEEK_DATA)
	if errors.Is(err, unix.ENXIO) {
		if info, err := file.Stat(); err != nil || info.Size() < end {
			return 0, false // it is over before the end
		}
		return end, true
	}
	if err != nil || data <= at {
		return 0, false
	}
	return min(data, end), true
}

// withZeros is the checksum of what has the checksum sum and n zeros behind it.
//
// A checksum is the remainder of a polynomial over GF(2) whose lowest
// coefficients are the highest bits, and each zero multiplies it by x^8.
func withZeros(sum uint32, n int64) uint32 {
	const one = 1 << 31
	factor, power := uint32(one), uint32(one>>8)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			factor = multiply(factor, power)
		}
		power = multiply(power, power)
	}
	return ^multiply(^sum, factor)
}

// multiply multiplies two remainders.
func multiply(a, b uint32) uint32 {
	product := uint32(0)
	for ; a != 0; a <<= 1 {
		if a>>31 == 1 {
			product ^= b
		}
		if b&1 == 1 {
			b = b>>1 ^ crc32.IEEE
		} else {
			b >>= 1
		}
	}
	return product
}
