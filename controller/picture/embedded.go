package picture

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io/fs"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
)

// What GNS3 2.2 leaves in its project file, in bytes: an SVG below the first
// with everything in it, one up to the second without its image.
const (
	smallSVG = 500
	longSVG  = 1000
)

// Split takes apart an SVG as GNS3 2.2 stores it: an image that is embedded in
// a larger one goes to a file that is named by its MD5 sum, and what is long
// then goes to such a file itself. It returns what stays in the project file,
// which is the SVG or the name of its file, and the files by name.
func Split(svg string) (stored string, files map[string][]byte) {
	if len(svg) < smallSVG {
		return svg, nil
	}
	files = map[string][]byte{}
	if begin, end, ok := reference(svg, isData); ok {
		if data, extension, ok := decodeURL(svg[begin:end]); ok {
			name := sum(data) + "." + extension
			files[name] = data
			svg = svg[:begin] + name + svg[end:]
		}
	}
	if len(svg) > longSVG {
		name := sum([]byte(svg)) + ".svg"
		files[name] = []byte(svg)
		svg = name
	}
	return svg, files
}

// Join undoes Split: stored is an SVG or the name of its file, and read gives
// the content of a file. An embedded image whose file does not exist stays
// away; any other error of read is returned.
func Join(stored string, read func(name string) ([]byte, error)) (string, error) {
	svg := stored
	if IsFileName(stored) {
		data, err := read(stored)
		if err != nil {
			return "", err
		}
		svg = string(data)
	}
	begin, end, ok := reference(svg, IsFileName)
	if !ok {
		return svg, nil
	}
	data, err := read(svg[begin:end])
	if errors.Is(err, fs.ErrNotExist) {
		return svg, nil
	}
	if err != nil {
		return "", err
	}
	media := Type(data)
	if media == "" {
		return svg, nil
	}
	return svg[:begin] + "data:" + media + ";base64," + base64.StdEncoding.EncodeToString(data) + svg[end:], nil
}

// FileNames lists the files that a stored SVG names itself: its own, or that of
// the image in it.
func FileNames(stored string) []string {
	if IsFileName(stored) {
		return []string{stored}
	}
	if begin, end, ok := reference(stored, IsFileName); ok {
		return []string{stored[begin:end]}
	}
	return nil
}

var fileName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}\.[A-Za-z0-9+]{1,8}$`)

// IsFileName reports whether what a project file has in the place of an SVG is
// the plain name of a file.
func IsFileName(stored string) bool {
	return fileName.MatchString(stored) && filepath.Base(stored) == stored
}

func isData(address string) bool { return strings.HasPrefix(address, "data:image/") }

// reference finds the first image element whose href is wanted, and where that
// is in the text.
func reference(svg string, wanted func(string) bool) (begin, end int, ok bool) {
	dec := newDecoder([]byte(svg))
	for {
		at := int(dec.InputOffset())
		token, err := dec.RawToken()
		if err != nil {
			return 0, 0, false
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "image" {
			continue
		}
		for _, a := range start.Attr {
			if a.Name.Local != "href" || !wanted(a.Value) {
				continue
			}
			// As long as it has no references to characters, it is in the text as it is.
			if i := quoted(svg[at:dec.InputOffset()], a.Value); i >= 0 {
				return at + i, at + i + len(a.Value), true
			}
		}
	}
}

// quoted is where a tag has an attribute with a value.
func quoted(tag, value string) int {
	for _, quote := range []string{`"`, `'`} {
		if i := strings.Index(tag, "href="+quote+value+quote); i >= 0 {
			return i + len("href=") + 1
		}
	}
	return -1
}

// decodeURL is the image in a data URL and the extension of its file.
func decodeURL(address string) (data []byte, extension string, ok bool) {
	head, body, ok := strings.Cut(address, ",")
	if !ok || !inside(address) {
		return nil, "", false
	}
	kind, parameters, _ := strings.Cut(strings.TrimPrefix(strings.ToLower(head), "data:image/"), ";")
	body, err := url.PathUnescape(body)
	if err != nil {
		return nil, "", false
	}
	if strings.HasSuffix(parameters, "base64") {
		body = strings.TrimRight(strings.Join(strings.Fields(body), ""), "=")
		data, err = base64.RawStdEncoding.DecodeString(body)
	} else {
		data = []byte(body)
	}
	if err != nil || !isFile(kind, data) {
		return nil, "", false
	}
	return data, kind, true
}

// isFile reports whether an image can be told from its content again, when it
// comes back from its file.
func isFile(kind string, data []byte) bool {
	switch Type(data) {
	case TypePNG:
		return kind == "png"
	case TypeJPEG:
		return kind == "jpeg" || kind == "jpg"
	case TypeGIF:
		return kind == "gif"
	case TypeBMP:
		return kind == "bmp"
	}
	return false
}

func sum(data []byte) string {
	hash := md5.Sum(data) // GNS3's choice; it names files and protects nothing
	return hex.EncodeToString(hash[:])
}
