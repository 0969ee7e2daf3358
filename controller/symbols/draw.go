package symbols

import (
	"bytes"
	"embed"
	"fmt"
	"strconv"
	"strings"
)

// glyphs are white drawings of 24 by 24 units. What is around them comes from
// the code: a tile, a circle, a cloud.
//
//go:embed glyphs/*.svg
var glyphs embed.FS

const glyphUnits = 24

// glyph is what is inside of the <svg> of a glyph. All that are asked for are
// there, which a test makes sure of.
func glyph(name string) string {
	text, err := glyphs.ReadFile("glyphs/" + name + ".svg")
	if err != nil {
		panic("internal error: there is no glyph " + name)
	}
	begin, end := bytes.IndexByte(text, '>')+1, bytes.LastIndex(text, []byte("</svg>"))
	return string(text[begin:end])
}

// colour is that of a shape and that of its edge.
type colour string

func (c colour) fill() string { fill, _, _ := strings.Cut(string(c), " "); return fill }
func (c colour) edge() string { _, edge, _ := strings.Cut(string(c), " "); return edge }

// shape is what a glyph is drawn on: SVG elements that fill a width and height.
type shape func(width, height float64, c colour) string

// root begins a symbol. GNS3's web client looks for the first width=" in the
// text and wants a plain number behind it.
func root(width, height int) string {
	w, h := strconv.Itoa(width), strconv.Itoa(height)
	return `<svg xmlns="http://www.w3.org/2000/svg" width="` + w + `" height="` + h + `" viewBox="0 0 ` + w + ` ` + h + `">`
}

// tile is a rectangle with round corners.
func tile(w, h float64, c colour) string {
	return fmt.Sprintf(`<rect x="1" y="1" width="%g" height="%g" rx="%.4g" fill="%s" stroke="%s" stroke-width="2"/>`,
		w-2, h-2, min(w, h)/6, c.fill(), c.edge())
}

// device is a tile with two rows of ports on each side, as a switch has.
func device(w, h float64, c colour) string {
	out := tile(w, h, c)
	const size, gap = 4.0, 2.6
	for _, x := range []float64{7, 7 + size + gap, w - 7 - size, w - 7 - 2*size - gap} {
		for _, y := range []float64{h/2 - gap/2 - size, h/2 + gap/2} {
			out += fmt.Sprintf(`<rect x="%.4g" y="%.4g" width="%.4g" height="%.4g" rx="0.8" fill="#fff" fill-opacity="0.75"/>`, x, y, size, size)
		}
	}
	return out
}

// disc is a circle.
func disc(w, h float64, c colour) string {
	return fmt.Sprintf(`<circle cx="%g" cy="%g" r="%g" fill="%s" stroke="%s" stroke-width="2"/>`, w/2, h/2, min(w, h)/2-1, c.fill(), c.edge())
}

// cloud is a cloud, drawn for 159 by 71 and stretched.
func cloud(w, h float64, c colour) string {
	return fmt.Sprintf(`<path transform="scale(%.4g %.4g)" d="M34 69C15 69 2 60.5 2 48.5 2 38 11.5 29.5 25 28 27 15 40 6.5 54.5 8.5 62 3.5 71 1.5 81 2 `+
		`97 2.8 109.5 9.5 113.5 19.5 131 18.5 145.5 26 146.5 37.5 153 40 157 45 157 51 157 62 145.5 69 129 69Z" fill="%s" stroke="%s" stroke-width="2" stroke-linejoin="round"/>`,
		w/159, h/71, c.fill(), c.edge())
}

// drawing is how a symbol is made.
type drawing struct {
	width, height int
	colour        colour
	on            shape
	glyph         string
	badge         string // a second, smaller glyph; empty: none
	share         float64
}

// svg draws the symbol. A glyph takes share of the smaller side; with a badge,
// both stand side by side.
func (d drawing) svg() []byte {
	w, h := float64(d.width), float64(d.height)
	size := d.share * min(w, h)
	out := root(d.width, d.height) + d.on(w, h, d.colour)
	if d.badge == "" {
		out += place(d.glyph, (w-size)/2, (h-size)/2, size)
	} else {
		small := size * 0.72
		left := (w - size - small - 2) / 2
		out += place(d.glyph, left, (h-size)/2, size) + place(d.badge, left+size+2, (h-small)/2, small)
	}
	return []byte(out + "</svg>\n")
}

// place draws a glyph with lines that are about as thick in every size.
func place(name string, x, y, size float64) string {
	scale := size / glyphUnits
	return fmt.Sprintf(`<g transform="translate(%.4g %.4g) scale(%.4g)" fill="none" stroke="#fff" stroke-width="%.3g" stroke-linecap="round" stroke-linejoin="round">%s</g>`,
		x, y, scale, min(2/scale, 2.2), glyph(name))
}
