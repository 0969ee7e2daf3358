package picture

import (
	"encoding/xml"
	"strings"
)

// elements are the names of SVG 1.1, 1.2 and 2 that show something without
// running or loading anything; those of filters begin with "fe".
const elements = ` a animate animateColor animateMotion animateTransform circle clipPath color-profile cursor defs desc discard
 ellipse filter flowDiv flowPara flowRegion flowRoot flowSpan font font-face font-face-format font-face-name font-face-src font-face-uri g glyph
 glyphRef hatch hatchpath hkern image line linearGradient marker mask mesh meshgradient meshpatch meshrow metadata missing-glyph mpath path
 pattern polygon polyline radialGradient rect set solidColor solidcolor stop style svg switch symbol tbreak text textArea
 textPath title tref tspan use view vkern `

// allowed refuses elements by their name, that of the one opened last.
func (c *checker) allowed(name xml.Name) error {
	local := strings.ToLower(name.Local)
	if len(c.open) == 1 && name.Local != "svg" {
		return c.refuse("its outermost element is <%s>, expected <svg>", short(nameOf(name)))
	}
	switch local {
	case "script", "foreignobject", "handler", "listener", "iframe", "object", "embed", "link", "meta", "base":
		return c.refuse("the element <%s> is not allowed: it could run a program or load something from elsewhere", short(nameOf(name)))
	}
	space, known := c.space(name.Space)
	switch {
	case len(c.open) == 1 && space != svgSpace && (known || name.Space != ""):
		return c.refuse("its outermost element is not of SVG: write xmlns=%q", svgSpace)
	case known && isActive(space):
		return c.refuse("the element <%s> is not allowed: it is not one of SVG", short(nameOf(name)))
	case space != svgSpace && name.Space != "":
		// Editors keep what they need in elements of their own.
	case !isElement(name.Local):
		// What has no prefix may be read as a part of a page.
		return c.refuse("the element <%s> is not allowed: it is not one of SVG", short(nameOf(name)))
	}
	return nil
}

func isElement(name string) bool {
	if strings.ContainsAny(name, " \n") || name == "" {
		return false
	}
	if rest, ok := strings.CutPrefix(name, "fe"); ok && rest != "" && rest[0] >= 'A' && rest[0] <= 'Z' {
		return true
	}
	return strings.Contains(elements, " "+name+" ") || strings.Contains(elements, " "+name+"\n")
}

// isActive reports whether a browser does something with elements of a
// vocabulary other than SVG.
func isActive(space string) bool {
	switch strings.TrimSuffix(strings.ToLower(strings.TrimSpace(space)), "/") {
	case "http://www.w3.org/1999/xhtml", "http://www.w3.org/1998/math/mathml", "http://www.w3.org/1999/xsl/transform",
		"http://www.mozilla.org/xbl", "http://www.w3.org/ns/xbl", "http://www.w3.org/2001/xml-events", "http://www.w3.org/2001/xinclude":
		return true
	}
	return false
}

// binding is what a prefix stands for.
type binding struct{ prefix, space string }

// declare takes over what prefixes stand for in the element opened last.
func (c *checker) declare(attrs []xml.Attr) error {
	for _, a := range attrs {
		switch {
		case a.Name.Space == "xmlns":
			c.names = append(c.names, binding{a.Name.Local, a.Value})
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			c.names = append(c.names, binding{"", a.Value})
		}
	}
	if len(c.names) > maxSpaces {
		return c.refuse("it has too many xmlns attributes: %d are allowed", maxSpaces)
	}
	return nil
}

// space is the vocabulary that a prefix stands for where the last element is.
func (c *checker) space(prefix string) (string, bool) {
	if prefix == "xml" {
		return xmlSpace, true
	}
	for i := len(c.names) - 1; i >= 0; i-- {
		if c.names[i].prefix == prefix {
			return c.names[i].space, true
		}
	}
	return "", false
}
