package topology

import (
	"fmt"
	"strconv"
	"strings"
)

// font is a font of GNS3 1.x: what Qt writes, "family,points,pixels,hint,weight,
// italic,underline,strikeout,...", with weights from 0 to 99, of which 75 is bold.
type font struct {
	family                  string
	points                  string
	bold, italic, underline bool
}

func parseFont(text string) font {
	f := font{family: "TypeWriter", points: "10.0", bold: true} // the usual one
	fields := strings.Split(text, ",")
	if family := strings.TrimSpace(fields[0]); family != "" {
		f.family = family
	}
	if len(fields) < 2 {
		return f
	}
	if points, err := strconv.ParseFloat(fields[1], 64); err == nil && points > 0 && points < 1000 {
		f.points = strconv.FormatFloat(points, 'f', 1, 64)
	}
	f.bold = false
	if len(fields) > 4 {
		weight, _ := strconv.Atoi(fields[4])
		f.bold = weight >= 75
	}
	if len(fields) > 6 {
		f.italic, f.underline = fields[5] == "1", fields[6] == "1"
	}
	return f
}

// parseColor reads "#RRGGBB" or, with the opacity first, "#AARRGGBB".
func parseColor(text, usual string) (color, opacity string) {
	opacity = "1.0"
	hex, ok := strings.CutPrefix(text, "#")
	value, err := strconv.ParseUint(hex, 16, 32)
	switch {
	case ok && err == nil && len(hex) == 6:
		return fmt.Sprintf("#%06x", value), opacity
	case ok && err == nil && len(hex) == 8:
		if alpha := value >> 24; alpha != 0xff {
			opacity = opacityText(int(alpha))
		}
		return fmt.Sprintf("#%06x", value&0xffffff), opacity
	}
	return usual, opacity
}

// opacityText is an alpha from 0 to 255 as SVG has it.
func opacityText(alpha int) string {
	return strconv.FormatFloat(float64(alpha)/255, 'f', 2, 64)
}

// convertLabel gives a label a style instead of a font and a color; nil when v
// is no label.
func convertLabel(v any) map[string]any {
	old, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	text, _ := old["text"].(string)
	label := map[string]any{"text": text, "x": old["x"], "y": old["y"], "rotation": 0, "style": nil}
	if rotation, ok := wholeNumber(old["rotation"]); ok {
		label["rotation"] = rotation
	}
	fontText, hasFont := old["font"].(string)
	colorText, hasColor := old["color"].(string)
	if !hasFont && !hasColor {
		return label
	}
	f := parseFont(fontText)
	color, opacity := parseColor(colorText, "#000000")
	style := "font-family: " + f.family + ";font-size: " + f.points + ";"
	if f.bold {
		style += "font-weight: bold;"
	}
	if f.italic {
		style += "font-style: italic;"
	}
	if f.underline {
		style += "text-decoration: underline;"
	}
	label["style"] = style + "fill: " + color + ";fill-opacity: " + opacity + ";"
	return label
}
