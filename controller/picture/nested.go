package picture

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"
)

// maxNested is how often one SVG may be inside of another.
const maxNested = 3

var svgURL = regexp.MustCompile(`(?i)^data:image/svg\+xml(;charset=utf-?8)?(;base64)?$`)

// isNested reports whether an address is that of an embedded SVG.
func isNested(address string) bool {
	const longest = 64
	address = strings.TrimSpace(address)
	head, _, ok := strings.Cut(address[:min(len(address), longest)], ",")
	return ok && svgURL.MatchString(head)
}

// nested checks an SVG that is the image in another one, which is how GNS3's
// web client sends what a person chooses as a symbol or to put on the map.
// Browsers run nothing there, but who takes it out must not meet more than here.
func (c *checker) nested(address string) error {
	if c.depth >= maxNested {
		return c.refuse("pictures are nested too deeply: at most %d may be inside of each other", maxNested)
	}
	head, body, _ := strings.Cut(strings.TrimSpace(address), ",")
	text, err := url.PathUnescape(body)
	svg := []byte(text)
	if err == nil && strings.HasSuffix(strings.ToLower(head), ";base64") {
		text = strings.TrimRight(strings.Join(strings.Fields(text), ""), "=")
		svg, err = base64.RawStdEncoding.DecodeString(text)
	}
	if err != nil {
		return c.refuse("the SVG picture in it is damaged: %s", short(err.Error()))
	}
	return check(svg, c.depth+1)
}
