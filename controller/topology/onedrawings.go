package topology

import (
	"fmt"
	"html"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"
)

// convertDrawings makes SVG of notes and shapes, and drawings of pictures.
func (c *one) convertDrawings(old object) []any {
	list := []any{}
	for _, kind := range []struct {
		key  string
		svg  func(object) string
		over int // the usual layer
	}{{"notes", noteSVG, 2}, {"ellipses", ellipseSVG, 0}, {"rectangles", rectangleSVG, 0}, {"images", c.picture, 0}} {
		for i, o := range each(old, kind.key, func(o object) object { return o }) {
			svg := kind.svg(o)
			if c.r.err != nil {
				return nil
			}
			if svg == "" {
				continue
			}
			list = append(list, map[string]any{
				"drawing_id": c.id(kind.key, decimal(i)), "svg": svg, "x": o.number("x", 0), "y": o.number("y", 0),
				"z": o.number("z", kind.over), "rotation": o.number("rotation", 0),
			})
		}
	}
	return list
}

func noteSVG(o object) string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0xfffe || r == 0xffff {
			return -1 // XML has no way to write it
		}
		return r
	}, o.text("text", ""))
	f := parseFont(o.text("font", ""))
	color, opacity := parseColor(o.text("color", ""), "#000000")
	extra := ""
	if f.bold {
		extra += ` font-weight="bold"`
	}
	if f.italic {
		extra += ` font-style="italic"`
	}
	if f.underline {
		extra += ` text-decoration="underline"`
	}
	lines := strings.Split(text, "\n")
	longest := 1
	for _, line := range lines {
		longest = max(longest, utf8.RuneCountInString(line))
	}
	// What is drawn sets the size: this is only for clients that cannot measure text.
	return fmt.Sprintf(`<svg height="%d" width="%d"><text fill="%s" fill-opacity="%s" font-family="%s" font-size="%s"%s>%s</text></svg>`,
		17*len(lines), 9*longest, color, opacity, html.EscapeString(f.family), f.points, extra, html.EscapeString(text))
}

func ellipseSVG(o object) string {
	width, height := o.number("width", 200), o.number("height", 200)
	return fmt.Sprintf(`<svg height="%d" width="%d"><ellipse cx="%d" cy="%d" rx="%d" ry="%d" %s/></svg>`,
		height, width, width/2, height/2, width/2, height/2, shapeStyle(o))
}

func rectangleSVG(o object) string {
	width, height := o.number("width", 200), o.number("height", 100)
	return fmt.Sprintf(`<svg height="%d" width="%d"><rect height="%d" width="%d" %s/></svg>`, height, width, height, width, shapeStyle(o))
}

// shapeStyle is filling and border. The styles of borders are numbers of Qt;
// the dashes are those that GNS3's clients know.
func shapeStyle(o object) string {
	color, opacity := parseColor(o.text("color", ""), "#ffffff")
	border, borderOpacity := parseColor(o.text("border_color", ""), "#000000")
	if alpha := o.number("transparency", 255); alpha >= 0 && alpha < 255 { // despite its name
		opacity = opacityText(alpha)
	}
	if alpha := o.number("border_transparency", 255); alpha >= 0 && alpha < 255 {
		borderOpacity = opacityText(alpha)
	}
	style := fmt.Sprintf(`fill="%s" fill-opacity="%s"`, color, opacity)
	line := o.number("border_style", 1)
	if line == 0 {
		return style
	}
	style += fmt.Sprintf(` stroke="%s" stroke-width="%d"`, border, o.number("border_width", 2))
	dashes := map[int]string{2: "25, 25", 3: "5, 25", 4: "5, 25, 25", 5: "25, 25, 5, 25, 5"}[line]
	if borderOpacity != "1.0" {
		style += ` stroke-opacity="` + borderOpacity + `"`
	}
	if dashes != "" {
		style += ` stroke-dasharray="` + dashes + `"`
	}
	return style
}

// picture names the file of a picture, which belongs into project-files/images.
func (c *one) picture(o object) string {
	from := strings.ReplaceAll(o.text("path", ""), `\`, "/")
	if at := strings.LastIndex(from, "/project-files/images/"); at >= 0 {
		from = from[at+1:] // an absolute path, of when the project was there
	}
	if !fs.ValidPath(from) || from == "." || strings.Contains(from, ":") {
		c.lose("a picture: its file " + shortened(from) + " is not in the folder of the project")
		return ""
	}
	name := path.Base(from)
	for i := 2; c.pictures[name] != "" && c.pictures[name] != from; i++ {
		name = decimal(i) + "-" + path.Base(from)
	}
	c.pictures[name] = from
	c.move(from, "project-files/images/"+name)
	return name
}
