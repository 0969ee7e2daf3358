package picture

import (
	"encoding/xml"
	"regexp"
	"strings"
)

// attribute refuses what runs a program or refers to something elsewhere.
func (c *checker) attribute(element xml.Name, a xml.Attr) error {
	name := strings.ToLower(a.Name.Local)
	switch {
	case a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns":
		return nil
	case a.Name.Space == "" && strings.HasPrefix(name, "on"):
		return c.refuse("the attribute %s of <%s> is not allowed: it could run a program", short(a.Name.Local), short(element.Local))
	case a.Name.Space == "xml" && name == "base":
		return c.refuse("the attribute xml:base is not allowed")
	case runs(a.Value):
		return c.refuse("the attribute %s of <%s> is not allowed: it could run a program", short(nameOf(a.Name)), short(element.Local))
	case name == "href" && element.Local == "image" && isNested(a.Value):
		return c.nested(a.Value)
	case name == "href" || a.Name.Space == "" && isAddress(name):
		if !inside(a.Value) {
			return c.refuse("the attribute %s of <%s> refers to %q, and a picture may only refer to a part of itself (#id) or to an embedded PNG, JPEG, GIF or BMP image",
				short(nameOf(a.Name)), short(element.Local), short(a.Value))
		}
		return nil
	case name == "attributename" && !animatable(a.Value):
		return c.refuse("the attribute %s of <%s> may not be animated", short(a.Value), short(element.Local))
	case a.Name.Space != "" || !strings.ContainsAny(a.Value, `(\`) && name != "style":
		return nil
	}
	return c.css("the attribute "+short(nameOf(a.Name)), a.Value)
}

// isAddress reports whether an attribute holds the address of something, in
// SVG or where HTML reads the text.
func isAddress(name string) bool {
	switch name {
	case "src", "srcset", "action", "formaction", "data", "poster", "background", "ping", "codebase", "cite", "manifest", "srcdoc":
		return true
	}
	return false
}

// animatable reports whether an animation may set an attribute.
func animatable(name string) bool {
	name = strings.ToLower(strings.TrimSpace(name))
	name = name[strings.LastIndexByte(name, ':')+1:]
	return name != "href" && name != "style" && !isAddress(name) && !strings.HasPrefix(name, "on")
}

// squeeze takes out what browsers ignore in the scheme of an address.
func squeeze(value string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f || r == 0xfeff {
			return -1
		}
		return r
	}, value))
}

// runs reports whether a value is the address of a program.
func runs(value string) bool {
	// No scheme that matters is longer.
	if !strings.Contains(value, ":") {
		return false
	}
	value = squeeze(value)
	return strings.HasPrefix(value, "javascript:") || strings.HasPrefix(value, "vbscript:") || strings.HasPrefix(value, "livescript:")
}

// inside reports whether an address is that of a part of the picture or of an
// embedded image of points.
func inside(address string) bool {
	address = strings.TrimSpace(address)
	if address == "" || address[0] == '#' {
		return true
	}
	const longest = 64
	head, _, ok := strings.Cut(address[:min(len(address), longest)], ",")
	return ok && rasterURL.MatchString(head)
}

var rasterURL = regexp.MustCompile(`(?i)^data:image/(png|jpe?g|pjpeg|gif|bmp|x-ms-bmp|webp)(;charset=[a-z0-9-]+)?(;base64)?$`)

var (
	cssEscape  = regexp.MustCompile(`\\([0-9a-fA-F]{1,6})[ \t\r\n\f]?|\\(.)`)
	cssComment = regexp.MustCompile(`(?s)/\*.*?(\*/|$)`)
	cssURL     = regexp.MustCompile(`(?is)(?:url|src)\(\s*("[^"]*"|'[^']*'|[^)]*)`)
	// cssActive are rules and functions that load or run something.
	cssActive = regexp.MustCompile(`(?i)@import|@namespace|@document|image-set\(|expression\(|-moz-binding|\bbehavior\s*:|javascript:|vbscript:`)
)

// maxStyle is the longest style that is looked at, in bytes.
const maxStyle = 1 << 20

// css refuses a style that refers to something elsewhere.
func (c *checker) css(where, text string) error {
	if len(text) > maxStyle {
		return c.refuse("%s has %d bytes, and %d are allowed", where, len(text), maxStyle)
	}
	text = cssEscape.ReplaceAllStringFunc(text, unescape)
	// A comment ends a word, but inside of a text it is none: both are looked at.
	for _, text := range []string{text, cssComment.ReplaceAllString(text, " ")} {
		if found := cssActive.FindString(text); found != "" {
			return c.refuse("%s has %s, which is not allowed: it could load something from elsewhere or run a program", where, short(found))
		}
		for _, found := range cssURL.FindAllStringSubmatch(text, -1) {
			if address := strings.Trim(strings.TrimSpace(found[1]), `"'`); !inside(address) {
				return c.refuse("%s refers to %q, and a picture may only refer to a part of itself (#id) or to an embedded PNG, JPEG, GIF or BMP image", where, short(address))
			}
		}
	}
	return nil
}

// unescape is what an escape in a style stands for.
func unescape(escape string) string {
	digits := strings.TrimRight(escape[1:], " \t\r\n\f")
	var r rune
	for _, d := range digits {
		value := strings.IndexRune("0123456789abcdef", lower(d))
		if value < 0 {
			return escape[1:]
		}
		r = r<<4 | rune(value)
	}
	return string(r)
}

func lower(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}
