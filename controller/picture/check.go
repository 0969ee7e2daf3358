// Package picture looks into pictures that come from clients: whether an SVG
// can be shown without danger, how large a picture is, and which images are
// inside of it.
package picture

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// The limits of an SVG. The last two keep a hostile one from taking long.
const (
	MaxBytes      = 10 << 20
	maxDepth      = 256
	maxAttributes = 256 // of one element
	maxSpaces     = 64  // that hold where an element is
)

// The names of XML's vocabularies that matter here.
const (
	svgSpace = "http://www.w3.org/2000/svg"
	xmlSpace = "http://www.w3.org/XML/1998/namespace"
)

// Check refuses, as Conflict or TooLarge, what is not one well-formed SVG
// document or fragment, and one that could run a program or load something
// from elsewhere when it is shown.
//
// A browser may be given the same text as XML or inside of a page as HTML, and
// the two do not read it alike. So what only one of them takes for markup, such
// as a comment with tags in a title, is refused as well.
func Check(svg []byte) error { return check(svg, 0) }

// check is Check of an SVG that is inside of so many others.
func check(svg []byte, depth int) error {
	if len(svg) > MaxBytes {
		return fault.Errorf(fault.TooLarge, "cannot use the SVG picture: it has %d bytes, and %d are allowed", len(svg), MaxBytes)
	}
	c := checker{text: utf8Of(svg), depth: depth}
	c.dec = newDecoder(c.text)
	for {
		c.begin = c.dec.InputOffset()
		token, err := c.dec.RawToken()
		if errors.Is(err, io.EOF) {
			return c.end()
		}
		if err != nil {
			return c.malformed(err)
		}
		if err := c.token(token); err != nil {
			return err
		}
	}
}

// checker is one look through an SVG.
type checker struct {
	text  []byte
	dec   *xml.Decoder
	begin int64 // of the token, in the text
	open  []element
	names []binding // of prefixes, the innermost last
	done  bool      // the root is closed
	typed bool      // a DOCTYPE was there
	depth int       // how many pictures this one is in
}

// element is one that is open.
type element struct {
	name  xml.Name         // Space is the prefix
	names int              // of bindings outside of it
	plain bool             // HTML may read what is inside as text
	style *strings.Builder // what is inside of a style
}

func (c *checker) refuse(format string, args ...any) error {
	line, _ := c.dec.InputPos()
	return fault.Errorf(fault.Conflict, "cannot use the SVG picture: line %d: "+format, append([]any{line}, args...)...)
}

func (c *checker) malformed(err error) error {
	line, _ := c.dec.InputPos()
	reason := err.Error()
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		line, reason = syntax.Line, syntax.Msg
	}
	return fault.Errorf(fault.Conflict, "cannot use the SVG picture: line %d: it is not well-formed XML: %s", line, short(strings.TrimPrefix(reason, "xml: ")))
}

// end is the end of the text.
func (c *checker) end() error {
	switch {
	case len(c.open) > 0:
		return c.refuse("it is not well-formed XML: <%s> is not closed", short(nameOf(c.open[len(c.open)-1].name)))
	case !c.done:
		return c.refuse("it has no <svg> element")
	}
	return nil
}

func (c *checker) token(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		return c.start(t)
	case xml.EndElement:
		return c.close(t)
	case xml.CharData:
		return c.characters(t)
	case xml.Comment:
		return c.comment(t)
	case xml.ProcInst:
		return c.instruction(t)
	case xml.Directive:
		return c.directive(t)
	}
	return nil
}

func (c *checker) start(t xml.StartElement) error {
	if len(c.open) == 0 && c.done {
		return c.refuse("it is not well-formed XML: <%s> comes after the end of the picture", short(nameOf(t.Name)))
	}
	if len(c.open) >= maxDepth {
		return c.refuse("its elements are nested too deeply: at most %d levels are allowed", maxDepth)
	}
	if len(c.open) > 0 && c.open[len(c.open)-1].style != nil {
		return c.refuse("the element <%s> in a style sheet is not allowed", short(nameOf(t.Name)))
	}
	if len(t.Attr) > maxAttributes {
		return c.refuse("<%s> has %d attributes, and %d are allowed", short(nameOf(t.Name)), len(t.Attr), maxAttributes)
	}
	c.open = append(c.open, element{name: t.Name, names: len(c.names)})
	if err := c.declare(t.Attr); err != nil {
		return err
	}
	if err := c.allowed(t.Name); err != nil {
		return err
	}
	for i, a := range t.Attr {
		for _, other := range t.Attr[:i] {
			if a.Name == other.Name {
				return c.refuse("it is not well-formed XML: <%s> has the attribute %s twice", short(nameOf(t.Name)), short(nameOf(a.Name)))
			}
		}
		if err := c.attribute(t.Name, a); err != nil {
			return err
		}
	}
	top := &c.open[len(c.open)-1]
	top.plain = len(c.open) > 1 && c.open[len(c.open)-2].plain
	switch t.Name.Local {
	case "style":
		top.plain, top.style = true, &strings.Builder{}
	case "title", "desc", "font", "textArea":
		top.plain = true
	}
	return nil
}

func (c *checker) close(t xml.EndElement) error {
	last := len(c.open) - 1
	if last < 0 || c.open[last].name != t.Name {
		return c.refuse("it is not well-formed XML: </%s> closes what is not open", short(nameOf(t.Name)))
	}
	e := c.open[last]
	c.open, c.names = c.open[:last], c.names[:e.names]
	c.done = last == 0
	if e.style != nil {
		return c.css("the style sheet", e.style.String())
	}
	return nil
}

func (c *checker) characters(text xml.CharData) error {
	if len(c.open) == 0 {
		if len(bytes.TrimSpace(text)) > 0 {
			return c.refuse("it is not well-formed XML: there is text outside of the picture")
		}
		return nil
	}
	tag := bytes.IndexByte(text, '<') >= 0
	if tag && bytes.HasPrefix(c.raw(), []byte("<![CDATA[")) {
		return c.refuse("a CDATA section with tags is not allowed: write &lt; for <")
	}
	for i := len(c.open) - 1; i >= 0; i-- {
		if style := c.open[i].style; style != nil {
			if tag {
				return c.refuse("a style sheet with < is not allowed")
			}
			style.Write(text)
			break
		}
	}
	return nil
}

// raw is the text from the beginning of the token on.
func (c *checker) raw() []byte {
	return c.text[min(c.begin, int64(len(c.text))):]
}

func (c *checker) comment(text xml.Comment) error {
	switch {
	case bytes.HasPrefix(text, []byte(">")), bytes.HasPrefix(text, []byte("->")):
		return c.refuse("a comment that begins with > is not allowed")
	case len(c.open) > 0 && c.open[len(c.open)-1].plain && bytes.IndexByte(text, '<') >= 0:
		return c.refuse("a comment with tags is not allowed in a style, title, desc, font or textArea")
	}
	return nil
}

// instruction lets a style sheet pass that is in the picture itself.
func (c *checker) instruction(t xml.ProcInst) error {
	switch t.Target {
	case "xml":
		switch {
		case c.begin > 0:
			return c.refuse("it is not well-formed XML: <?xml is not at the beginning")
		case bytes.ContainsAny(t.Inst, "<>"):
			return c.refuse("it is not well-formed XML: <?xml has < or > in it")
		}
		return nil
	case "xml-stylesheet":
		text := strings.ToLower(string(t.Inst))
		inside := strings.Contains(text, `href="#`) || strings.Contains(text, `href='#`)
		if inside && strings.Count(text, "href") == 1 && strings.Count(text, "text/css") == 1 && strings.Count(text, "type") == 1 && !strings.ContainsAny(text, "&<") {
			return nil
		}
		return c.refuse("a style sheet from elsewhere is not allowed: put it into a <style> element")
	}
	return c.refuse("the processing instruction %s is not allowed", short(t.Target))
}

// directive lets a document type pass that declares nothing: browsers do not
// load what it names.
func (c *checker) directive(t xml.Directive) error {
	text := string(t)
	switch {
	case len(c.open) > 0 || c.done || c.typed:
		return c.refuse("it is not well-formed XML: <!%s> is out of place", short(text))
	case strings.ContainsAny(text, "[]<&%"), !strings.HasPrefix(text, "DOCTYPE svg"):
		return c.refuse("a DOCTYPE with declarations is not allowed: leave the DOCTYPE out")
	}
	c.typed = true
	return nil
}

func nameOf(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

// short cuts a text of the client's for a message.
func short(text string) string {
	const limit = 60
	if len(text) > limit {
		text = text[:limit] + "..."
	}
	return strings.ToValidUTF8(text, "")
}
