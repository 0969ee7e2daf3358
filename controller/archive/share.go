package archive

import (
	"archive/zip"
	"os"
)

// share lets a new file share its bytes with the archive, as NewFileWriter lays
// them out, if the file system can.
func (x *extraction) share(entry *zip.File, file *os.File) (bool, error) {
	from, isFile := x.from.(*os.File)
	size := int64(entry.UncompressedSize64)
	if !isFile || x.noShare || entry.Method != methodStore || size < shareFrom {
		return false, nil
	}
	at, err := entry.DataOffset()
	if err != nil {
		return false, damaged(entry, err)
	}
	whole := size - size%blockSize
	if at%blockSize != 0 {
		return false, nil
	}
	if err := cloneRange(file, 0, from, at, whole); err != nil {
		x.noShare = true
		return false, nil
	}
	rest := make([]byte, size-whole)
	if _, err := from.ReadAt(rest, at+whole); err != nil {
		return false, damaged(entry, err)
	}
	if _, err := file.WriteAt(rest, whole); err != nil {
		return false, failed(entry.Name, err)
	}
	if x.trusted {
		return true, nil
	}
	sum, err := checksum(x.ctx, file, 0, size, x.buffer)
	switch {
	case x.ctx.Err() != nil:
		return false, x.ctx.Err()
	case err != nil:
		return false, damaged(entry, err)
	case sum != entry.CRC32:
		return false, refuse(entry.Name, "its checksum is wrong; the archive is damaged")
	}
	return true, nil
}
