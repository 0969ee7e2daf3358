package picture

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
)

var declaration = regexp.MustCompile(`^<\?xml[^>]*\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']`)

// utf8Of is the text of an SVG without a byte order mark, and in UTF-8 if it
// says that it is in ISO 8859-1, which many drawing programs write.
func utf8Of(svg []byte) []byte {
	svg = bytes.TrimPrefix(svg, []byte("\ufeff"))
	found := declaration.FindSubmatch(svg[:min(len(svg), 200)])
	if found == nil || !isLatin(string(found[1])) {
		return svg
	}
	out := make([]byte, 0, len(svg))
	for _, b := range svg {
		if b < 0x80 {
			out = append(out, b)
		} else {
			out = append(out, 0xc0|b>>6, 0x80|b&0x3f)
		}
	}
	return out
}

func isLatin(charset string) bool {
	switch strings.ToLower(charset) {
	case "iso-8859-1", "iso8859-1", "latin1", "windows-1252", "us-ascii", "ascii":
		return true
	}
	return false
}

// newDecoder reads what utf8Of made.
func newDecoder(text []byte) *xml.Decoder {
	dec := xml.NewDecoder(bytes.NewReader(text))
	dec.CharsetReader = func(charset string, input io.Reader) (io.Reader, error) {
		if isLatin(charset) {
			return input, nil
		}
		return nil, errors.New("its encoding is not UTF-8")
	}
	return dec
}
