package archive

import (
	"archive/zip"
	"cmp"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// Limits of an archive.
const (
	maxEntries = 200_000 // and as many folders that only names of files make
	// maxDirectory is the size of a directory in bytes, which is in memory whole.
	maxDirectory = 256 << 20
	// maxRatio is how many bytes a byte of a file may become. DEFLATE can make
	// 1032, so nothing that was compressed in the usual way is refused.
	maxRatio = 1100
	// freeOfRatio is the size in bytes up to which any ratio is fine.
	freeOfRatio = 1 << 20
)

// Flags of a file in a ZIP file; APPNOTE.TXT 4.4.4.
const (
	flagEncrypted = 1 | 1<<6 | 1<<13
	flagMarked    = 1 << 1 // an LZMA stream has a mark at its end
	flagPatch     = 1 << 5
)

// Reader is an archive that was checked. Safe for concurrent use, as far as what
// it reads from is.
type Reader struct {
	from    io.ReaderAt
	entries []*zip.File // in the order of compareNames
	files   int64       // how many of them are files
	size    int64       // of all files, when they are not compressed
	trusted bool
}

// Open reads the directory of an archive of size bytes and checks all of it. It
// fails with fault.Conflict, saying which file is wrong and why; nothing was
// read of the files then.
func Open(from io.ReaderAt, size int64) (*Reader, error) {
	end, err := findDirectory(from, size)
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(from, size)
	// A name that is not local is told below, with the others.
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, fault.Errorf(fault.Conflict, "cannot read the archive: its directory is damaged: %w", err)
	}
	if uint64(len(z.File)) != end.entries {
		return nil, fault.Errorf(fault.Conflict, "cannot read the archive: its directory has %d files and says to have %d", len(z.File), end.entries)
	}
	r := &Reader{from: from, entries: z.File}
	for _, entry := range r.entries {
		if why := r.checkEntry(entry); why != "" {
			return nil, refuse(entry.Name, why)
		}
	}
	slices.SortFunc(r.entries, func(a, b *zip.File) int { return compareNames(bare(a), bare(b)) })
	if err := r.checkNames(); err != nil {
		return nil, err
	}
	if err := r.checkPlaces(int64(end.offset)); err != nil {
		return nil, err
	}
	return r, nil
}

// refuse is the error of an archive that is not used because of a file.
func refuse(name, why string) error {
	if len(name) > 100 {
		name = name[:100] + "..."
	}
	return fault.Errorf(fault.Conflict, "cannot use the archive: %q cannot be unpacked: %s", name, why)
}

// bare is the name of a file or folder.
func bare(entry *zip.File) string { return strings.TrimSuffix(entry.Name, "/") }

func isFolder(entry *zip.File) bool { return strings.HasSuffix(entry.Name, "/") }

// checkEntry looks at a file by itself.
func (r *Reader) checkEntry(entry *zip.File) string {
	if why := checkName(bare(entry)); why != "" {
		return why
	}
	switch kind := entry.Mode().Type(); {
	case kind&os.ModeSymlink != 0:
		return "it is a link; a link in an archive could lead anywhere"
	case kind&^os.ModeDir != 0:
		return "it is a device or the like, and no file"
	case kind == os.ModeDir && !isFolder(entry):
		return "it says to be a folder and a file"
	}
	size, packed := entry.UncompressedSize64, entry.CompressedSize64
	switch {
	case isFolder(entry) && size != 0:
		return "it is a folder with something written in it"
	case entry.Flags&flagEncrypted != 0:
		return "it is encrypted"
	case !isReadable(entry.Method) || entry.Flags&flagPatch != 0:
		return "it is compressed in a way that is not known here; known are none, DEFLATE, bzip2, LZMA and zstd"
	case size > 1<<62 || packed > 1<<62:
		return "it says to be larger than any disk"
	case entry.Method == methodStore && size != packed:
		return "it has two sizes"
	case size > freeOfRatio && size/maxRatio > packed:
		return "it says to become more than 1100 times as large, which is made to fill disks"
	}
	if !isFolder(entry) {
		r.files++
		r.size = min(r.size+int64(size), 1<<62)
	}
	return ""
}

// checkNames looks for names that are there twice, or that are those of a file
// and of a folder at once, and counts the folders that the names make.
func (r *Reader) checkNames() error {
	folders := 0
	for i, entry := range r.entries {
		name, before := bare(entry), ""
		if i > 0 {
			before = bare(r.entries[i-1])
		}
		if i > 0 && name == before {
			return refuse(name, "it is there twice")
		}
		if i > 0 && !isFolder(r.entries[i-1]) && strings.HasPrefix(name, before+"/") {
			return refuse(before, "it is a file, and there is "+entry.Name)
		}
		if folders += newFolders(before, name); folders > maxEntries {
			return tooManyFolders()
		}
	}
	return nil
}

// checkPlaces sees to it that no two files share bytes of the archive, which is
// how a small one becomes endless. end is where the directory begins.
func (r *Reader) checkPlaces(end int64) error {
	type place struct {
		from, to int64
		name     string
	}
	places := make([]place, 0, len(r.entries))
	for _, entry := range r.entries {
		from, err := entry.DataOffset()
		if err != nil {
			return refuse(entry.Name, "the archive is damaged there or was cut off")
		}
		to := from + int64(entry.CompressedSize64)
		if to < from || to > end {
			return refuse(entry.Name, "it reaches over the end of the archive, which was cut off or is damaged")
		}
		places = append(places, place{from, to, entry.Name})
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	for i := 1; i < len(places); i++ {
		// Between the two there is at least the header of the second.
		if places[i].from < places[i-1].to+localHeader {
			return refuse(places[i].name, "it shares a part of the archive with "+places[i-1].name)
		}
	}
	return nil
}

// Trust leaves out the checksums of files that share their bytes with the
// archive when they are extracted, so that these need not be read. It is for
// archives that this server wrote itself.
func (r *Reader) Trust() { r.trusted = true }

// Size is that of all files together, as they say, in bytes.
func (r *Reader) Size() int64 { return r.size }

// Names are those of all files, sorted, with what is in a folder right behind it.
func (r *Reader) Names() []string {
	names := make([]string, 0, r.files)
	for _, entry := range r.entries {
		if !isFolder(entry) {
			names = append(names, entry.Name)
		}
	}
	return names
}
