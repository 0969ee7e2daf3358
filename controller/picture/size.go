package picture

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"image"
	_ "image/gif" // pictures that Size reads, as the next two
	_ "image/jpeg"
	_ "image/png"
	"math"
	"strconv"
	"strings"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// maxPixels is the largest width and height that is believed.
const maxPixels = 100_000

// The media types of pictures.
const (
	TypeSVG  = "image/svg+xml"
	TypePNG  = "image/png"
	TypeJPEG = "image/jpeg"
	TypeGIF  = "image/gif"
	TypeBMP  = "image/bmp"
)

// Type tells the media type of a picture by its content; empty when it is none
// of those named here.
func Type(data []byte) string {
	for _, t := range []struct{ magic, media string }{
		{"\x89PNG\r\n\x1a\n", TypePNG}, {"\xff\xd8\xff", TypeJPEG}, {"GIF87a", TypeGIF}, {"GIF89a", TypeGIF}, {"BM", TypeBMP},
	} {
		if bytes.HasPrefix(data, []byte(t.magic)) {
			return t.media
		}
	}
	if _, ok := root(data); ok {
		return TypeSVG
	}
	return ""
}

// Size tells how large a picture is, in CSS pixels (96 in an inch) when it is
// an SVG. Conflict when it is no picture, or an SVG that does not say.
func Size(data []byte) (width, height int, err error) {
	switch Type(data) {
	case TypeSVG:
		svg, _ := root(data)
		return svgSize(svg)
	case TypeBMP:
		return bmpSize(data)
	case "":
		return 0, 0, fault.Errorf(fault.Conflict, "cannot tell the size of the picture: it is not SVG, PNG, JPEG, GIF or BMP")
	}
	config, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return 0, 0, fault.Errorf(fault.Conflict, "cannot tell the size of the picture: it is damaged: %w", err)
	}
	return checked(float64(config.Width), float64(config.Height))
}

// root is the first element of an SVG.
func root(data []byte) (xml.StartElement, bool) {
	if len(data) == 0 || data[0] != '<' && data[0] != 0xef && !strings.ContainsRune(" \t\r\n", rune(data[0])) {
		return xml.StartElement{}, false
	}
	dec := newDecoder(utf8Of(data))
	for {
		token, err := dec.RawToken()
		if err != nil {
			return xml.StartElement{}, false
		}
		if start, ok := token.(xml.StartElement); ok {
			return start, start.Name.Local == "svg"
		}
	}
}

func svgSize(svg xml.StartElement) (width, height int, err error) {
	var w, h, boxWidth, boxHeight float64
	for _, a := range svg.Attr {
		if a.Name.Space != "" {
			continue
		}
		switch a.Name.Local {
		case "width":
			w = pixels(a.Value)
		case "height":
			h = pixels(a.Value)
		case "viewBox":
			box := strings.FieldsFunc(a.Value, func(r rune) bool { return strings.ContainsRune(" ,\t\r\n", r) })
			if len(box) == 4 {
				boxWidth, boxHeight = pixels(box[2]), pixels(box[3])
			}
		}
	}
	boxed := boxWidth > 0 && boxHeight > 0
	switch {
	case w > 0 && h > 0:
	case w > 0 && boxed:
		h = w * boxHeight / boxWidth
	case h > 0 && boxed:
		w = h * boxWidth / boxHeight
	default:
		w, h = boxWidth, boxHeight
	}
	return checked(w, h)
}

// pixels reads a length; 0 when it depends on something else, such as "100%".
func pixels(length string) float64 {
	length = strings.TrimSpace(length)
	perUnit := 1.0
	for _, u := range []struct {
		name   string
		pixels float64
	}{{"px", 1}, {"pt", 96. / 72}, {"pc", 16}, {"in", 96}, {"cm", 96 / 2.54}, {"mm", 96 / 25.4}} {
		if number, ok := strings.CutSuffix(strings.ToLower(length), u.name); ok {
			length, perUnit = strings.TrimSpace(number), u.pixels
			break
		}
	}
	// ParseFloat reads more than SVG has: "inf", "0x1p4", "1_000".
	if strings.Trim(length, "0123456789.+-eE") != "" {
		return 0
	}
	n, err := strconv.ParseFloat(length, 64)
	if err != nil || n <= 0 {
		return 0
	}
	return n * perUnit
}

func checked(w, h float64) (width, height int, err error) {
	w, h = math.Round(w), math.Round(h)
	if !(w >= 1 && h >= 1 && w <= maxPixels && h <= maxPixels) {
		return 0, 0, fault.Errorf(fault.Conflict,
			"cannot tell the size of the picture: it says none between 1 and %d pixels; give its <svg> element a width and a height, or a viewBox", maxPixels)
	}
	return int(w), int(h), nil
}

// bmpSize reads the header that Windows and OS/2 write.
func bmpSize(data []byte) (width, height int, err error) {
	const fileHeader, oldHeader = 14, 12
	if len(data) < fileHeader+oldHeader {
		return 0, 0, fault.Errorf(fault.Conflict, "cannot tell the size of the picture: it is damaged: it ends in its header")
	}
	header := data[fileHeader:]
	if binary.LittleEndian.Uint32(header) == oldHeader {
		return checked(float64(binary.LittleEndian.Uint16(header[4:])), float64(binary.LittleEndian.Uint16(header[6:])))
	}
	w, h := int32(binary.LittleEndian.Uint32(header[4:])), int32(binary.LittleEndian.Uint32(header[8:]))
	return checked(float64(w), math.Abs(float64(h))) // a negative height is upside down
}
