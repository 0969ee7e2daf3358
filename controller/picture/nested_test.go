package picture

import (
	"encoding/base64"
	"strings"
	"testing"
)

// embed puts an SVG into another one, as GNS3's web client does.
func embed(svg string) string {
	return "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" height=\"64\"\n width=\"64\">\n" +
		`<image height="64" width="64" xlink:href="data:image/svg+xml;base64,` + base64.StdEncoding.EncodeToString([]byte(svg)) + "\"/>\n</svg>"
}

// TestNested checks pictures in pictures, and sees that each is as harmless as
// the outermost must be.
func TestNested(t *testing.T) {
	const harmless = `<svg xmlns="http://www.w3.org/2000/svg" width="5" height="5"><rect width="5" height="5"/></svg>`
	for _, tc := range []struct{ name, svg, refused string }{
		{"harmless", embed(harmless), ""},
		{"in three", embed(embed(embed(harmless))), ""},
		{"in four", embed(embed(embed(embed(harmless)))), "nested too deeply"},
		{"as text", wrap(`<image href="data:image/svg+xml;charset=utf-8,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"/>`), ""},
		{"with a script", embed(`<svg xmlns="http://www.w3.org/2000/svg"><script>x</script></svg>`), "script"},
		{"with a reference", embed(`<svg xmlns="http://www.w3.org/2000/svg"><image href="http://example.com/a.png"/></svg>`), "refers to"},
		{"with a script, deeper", embed(embed(`<svg xmlns="http://www.w3.org/2000/svg" onload="x"/>`)), "could run a program"},
		{"no SVG", embed("GIF89a"), "well-formed"},
		{"damaged", wrap(`<image href="data:image/svg+xml;base64,A*A"/>`), "damaged"},
		{"another encoding", wrap(`<image href="data:image/svg+xml;charset=utf-16;base64,PHN2Zy8+"/>`), "refers to"},
		{"no image", wrap(`<a href="data:image/svg+xml;base64,PHN2Zy8+"/>`), "refers to"},
		{"in a style", wrap(`<rect style="fill:url(data:image/svg+xml;base64,PHN2Zy8+)"/>`), "refers to"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := Check([]byte(tc.svg))
			if tc.refused == "" && err != nil || tc.refused != "" && (err == nil || !strings.Contains(err.Error(), tc.refused)) {
				t.Errorf("Check(%s) = %v, want %q", tc.svg, err, tc.refused)
			}
		})
	}
}
