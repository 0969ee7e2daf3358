package picture

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

const ns = `xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"`

func wrap(inner string) string { return "<svg " + ns + ">" + inner + "</svg>" }

// attributes are n different ones.
func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` a%d="x"`, i)
	}
	return b.String()
}

func TestCheckAccepts(t *testing.T) {
	for name, svg := range map[string]string{
		"GNS3's rectangle":     `<svg width="200" height="100"><rect width="200" height="100" fill="#ffffff" fill-opacity="1.0" stroke-width="2" stroke="#000000" /></svg>`,
		"empty":                `<svg></svg>`,
		"self-closed":          `<svg/>`,
		"GNS3's text":          `<svg width="86" height="24"><text font-family="TypeWriter" font-size="10.0" font-weight="bold" fill="#000000">a &lt;b&gt; on=1</text></svg>`,
		"declaration":          "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n<!-- Created with a <program> -->\n" + wrap(""),
		"byte order mark":      "\ufeff<?xml version=\"1.0\"?>" + wrap(""),
		"latin":                "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>" + wrap("<text>caf\xe9</text>"),
		"document type":        `<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">` + wrap(""),
		"prefix":               `<svg:svg xmlns:svg="http://www.w3.org/2000/svg"><svg:g/></svg:svg>`,
		"gradient":             wrap(`<defs><linearGradient id="a" xlink:href="#b"/></defs><rect fill="url(#a)" style="fill:url('#a');marker:url( &quot;#b&quot; )"/>`),
		"image":                wrap("<image xlink:href=\"data:image/png;base64,\niVBO\"/>"),
		"style sheet":          wrap(`<style type="text/css"><![CDATA[ .a{fill:url(#b)} .b > .c{} ]]></style>`),
		"style sheet inside":   `<?xml-stylesheet type="text/css" href="#s"?>` + wrap(`<style id="s">.a{}</style>`),
		"metadata":             wrap(`<metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><cc:Work xmlns:cc="x" rdf:about=""><dc:type xmlns:dc="y" rdf:resource="http://purl.org/"/></cc:Work></rdf:RDF></metadata>`),
		"editor":               wrap(`<sodipodi:namedview xmlns:sodipodi="s" xmlns:inkscape="i" inkscape:onscreen="1"><inkscape:grid/></sodipodi:namedview>`),
		"undeclared prefix":    `<svg><image xlink:href="data:image/jpeg;base64,AA=="/></svg>`,
		"animation":            wrap(`<animate attributeName="opacity" values="0;1"/><set attributeName="fill" to="red"/>`),
		"256 attributes":       "<svg" + attributes(256) + "/>",
		"vocabularies in turn": wrap(strings.Repeat(`<g xmlns:a="x"><a:b/></g>`, 100)),
		"filter":               wrap(`<filter id="f"><feGaussianBlur stdDeviation="2"/></filter>`),
		"256 levels":           strings.Repeat("<svg>", 1) + strings.Repeat("<g>", 255) + strings.Repeat("</g>", 255) + "</svg>",
		"the word in a text":   wrap(`<text>javascript: how to</text>`),
		"transform and titles": wrap(`<title>a &lt; b</title><g transform="translate(1,2) rotate(3)"/>`),
	} {
		if err := Check([]byte(svg)); err != nil {
			t.Errorf("%s: Check(%q) = %v, want no error", name, svg, err)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	for _, tc := range []struct{ name, svg, want string }{
		{"empty", "", "no <svg> element"},
		{"text", "hello", "text outside"},
		{"not closed", "<svg><g>", "<g> is not closed"},
		{"crossed", "<svg><g></svg></g>", "closes what is not open"},
		{"two roots", "<svg/><svg/>", "after the end"},
		{"text after", "<svg/>x", "text outside"},
		{"bare attribute", "<svg a=b/>", "not well-formed"},
		{"attribute twice", `<svg id="a" id="b"/>`, "id twice"},
		{"unknown entity", "<svg>&a;</svg>", "not well-formed"},
		{"another root", `<html><svg/></html>`, "outermost element is <html>"},
		{"root of another vocabulary", `<svg xmlns="http://www.w3.org/1999/xhtml"/>`, "not of SVG"},
		{"prefixed root of another vocabulary", `<a:svg xmlns:a="http://www.w3.org/1999/xhtml"/>`, "not of SVG"},
		{"line", "<svg>\n\n<script/></svg>", "line 3"},
		{"script", wrap(`<script>alert(1)</script>`), "<script> is not allowed"},
		{"script with prefix", `<svg xmlns:s="http://www.w3.org/2000/svg"><s:script/></svg>`, "<s:script>"},
		{"script in capitals", wrap(`<SCRIPT/>`), "not allowed"},
		{"script of HTML", wrap(`<h:script xmlns:h="http://www.w3.org/1999/xhtml"/>`), "not allowed"},
		{"any HTML", wrap(`<h:b xmlns:h="http://www.w3.org/1999/xhtml"/>`), "not one of SVG"},
		{"HTML without prefix", wrap(`<p/>`), "not one of SVG"},
		{"HTML of another vocabulary", wrap(`<img xmlns="urn:x"/>`), "not one of SVG"},
		{"transformation", wrap(`<x:stylesheet xmlns:x="http://www.w3.org/1999/XSL/Transform"/>`), "not one of SVG"},
		{"foreign object", wrap(`<foreignObject/>`), "<foreignObject>"},
		{"handler", wrap(`<rect onclick="alert(1)"/>`), "onclick"},
		{"handler in capitals", wrap(`<rect OnLoad="alert(1)"/>`), "OnLoad"},
		{"program", wrap(`<a xlink:href="javascript:alert(1)"/>`), "run a program"},
		{"program with spaces", wrap("<a xlink:href=\" java\tscr&#10;ipt:alert(1)\"/>"), "run a program"},
		{"program elsewhere", wrap(`<a foo=" VBScript:x"/>`), "run a program"},
		{"web", wrap(`<image xlink:href="http://example.com/a.png"/>`), "example.com"},
		{"web without prefix", wrap(`<image href="//example.com/a.png"/>`), "example.com"},
		{"another prefix", wrap(`<image y:href="//example.com/a.png"/>`), "example.com"},
		{"file", wrap(`<image xlink:href="secret.png"/>`), "secret.png"},
		{"SVG inside", wrap(`<use xlink:href="data:image/svg+xml;base64,AAAA#a"/>`), "refers to"},
		{"page inside", wrap(`<a href="data:text/html,x"/>`), "refers to"},
		{"src", wrap(`<font-face-uri src="http://example.com"/>`), "refers to"},
		{"fill", wrap(`<rect fill="url(http://example.com/#a)"/>`), "example.com"},
		{"style", wrap(`<rect style="fill:URL( 'http://example.com/#a' )"/>`), "example.com"},
		{"style with escapes", wrap(`<rect style="fill:\75 rl(http://example.com/)"/>`), "example.com"},
		{"style sheet", wrap(`<style>.a{background:url(http://example.com/)}</style>`), "example.com"},
		{"style sheet in pieces", wrap(`<style>@imp<!-- -->ort "http://example.com";</style>`), "@import"},
		{"import", wrap(`<style>@IMPORT "x";</style>`), "@IMPORT"},
		{"style sheet from elsewhere", `<?xml-stylesheet type="text/css" href="http://example.com"?><svg/>`, "style sheet from elsewhere"},
		{"two style sheets in one", `<?xml-stylesheet type="text/css" href="#a" href="http://example.com"?><svg/>`, "style sheet from elsewhere"},
		{"transformation inside", `<?xml-stylesheet type="text/xsl" href="#a"?><svg/>`, "style sheet from elsewhere"},
		{"instruction", `<?php echo 1?><svg/>`, "php"},
		{"late declaration", " <?xml version=\"1.0\"?><svg/>", "not at the beginning"},
		{"base", wrap(`<g xml:base="http://example.com/"/>`), "xml:base"},
		{"animated address", wrap(`<a><set attributeName="xlink:href" to="#a"/></a>`), "may not be animated"},
		{"animated handler", wrap(`<a><animate attributeName="onclick" to="x"/></a>`), "may not be animated"},
		{"entity", `<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>`, "DOCTYPE"},
		{"late document type", `<svg><!DOCTYPE svg></svg>`, "out of place"},
		{"comment that HTML ends early", wrap(`<!--><img src="x">-->`), "comment"},
		{"comment in a style", wrap(`<desc><style><!-- </style><img> --></style></desc>`), "comment"},
		{"CDATA with tags", wrap(`<desc><![CDATA[><img src="x" onerror="y">]]></desc>`), "CDATA"},
		{"style with tags", wrap(`<style>a &lt;/style&gt;</style>`), "style sheet with <"},
		{"comment in a text area", wrap(`<font color="red"><textArea><!-- </textarea><img> --></textArea></font>`), "comment"},
		{"element in a style", wrap(`<style>@imp<g/>ort "http://example.com";</style>`), "in a style sheet"},
		{"HTML by default", wrap(`<a xmlns="http://www.w3.org/1999/xhtml"/>`), "not one of SVG"},
		{"HTML by reference", wrap(`<h:b xmlns:h="&#104;ttp://www.w3.org/1999/xhtml"/>`), "not one of SVG"},
		{"tags in the declaration", `<?xml version="1.0" x="><img src='x'>"?><svg/>`, "<?xml has"},
		{"long style sheet", wrap("<style>" + strings.Repeat(" ", 1<<20+1) + "</style>"), "1048577 bytes"},
		{"257 attributes", "<svg" + attributes(257) + "/>", "257 attributes"},
		{"65 vocabularies", "<svg" + strings.ReplaceAll(attributes(65), " a", " xmlns:a") + "/>", "too many xmlns"},
		{"UTF-16", "\xff\xfe<\x00s\x00v\x00g\x00/\x00>\x00", "not well-formed"},
		{"UTF-7", `<?xml version="1.0" encoding="UTF-7"?><svg/>`, "encoding"},
		{"257 levels", "<svg>" + strings.Repeat("<g>", 256) + strings.Repeat("</g>", 256) + "</svg>", "nested too deeply"},
		{"a million levels", "<svg>" + strings.Repeat("<g>", 1e6), "nested too deeply"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := Check([]byte(tc.svg))
			domain, ok := errors.AsType[*fault.Error](err)
			if !ok || domain.Code != fault.Conflict || !strings.Contains(domain.Message, tc.want) {
				t.Errorf("Check(%.200q) = %v, want Conflict with %q", tc.svg, err, tc.want)
			}
		})
	}
	err := Check(make([]byte, MaxBytes+1))
	if domain, ok := errors.AsType[*fault.Error](err); !ok || domain.Code != fault.TooLarge {
		t.Errorf("Check(11 MiB) = %v, want TooLarge", err)
	}
}

// FuzzCheck holds that what is accepted has nothing of what is refused, told by
// a search that knows nothing of XML, and that any picture can be looked at.
func FuzzCheck(f *testing.F) {
	for _, svg := range []string{
		wrap(`<style>.a{fill:url(#b)}</style><g style="fill:url(#a)" transform="scale(2)"/>`), wrap(`<image xlink:href="data:image/png;base64,iVBORw0KGgo="/>`),
		`<?xml version="1.0" encoding="latin1"?><!DOCTYPE svg><svg viewBox="0 0 1 1" width="1in"/>`, `<svg><title><!-- --><![CDATA[a]]></title></svg>`,
		wrap(`<script/>`), wrap(`<a onclick="x" href="javascript:x"/>`), "BM", "GIF89a",
	} {
		f.Add(svg)
	}
	f.Fuzz(func(t *testing.T, svg string) {
		_ = Type([]byte(svg))
		w, h, err := Size([]byte(svg))
		if err == nil && (w < 1 || h < 1) {
			t.Errorf("Size(%q) = %d, %d", svg, w, h)
		}
		if Check([]byte(svg)) != nil {
			return
		}
		if Type([]byte(svg)) != TypeSVG {
			t.Errorf("Check(%q) accepts what is no SVG", svg)
		}
		small := strings.ToLower(svg)
		for _, bad := range []string{"<script", "<foreignobject", "<!entity", "<iframe", ":script"} {
			if i := strings.Index(small, bad); i >= 0 && !strings.Contains(small, "<!--") && bad[0] == '<' {
				t.Errorf("Check(%q) accepts %q", svg, bad)
			}
		}
	})
}

// BenchmarkCheckHostile looks at SVGs of the largest size that are made to take long.
func BenchmarkCheckHostile(b *testing.B) {
	fill := func(head, part, tail string) []byte {
		return []byte(head + strings.Repeat(part, (MaxBytes-len(head)-len(tail))/len(part)) + tail)
	}
	spaces := strings.ReplaceAll(attributes(64), " a", " xmlns:a")
	for name, svg := range map[string][]byte{
		"elements":   fill("<svg"+spaces+">", "<g/>", "</svg>"),
		"attributes": fill("<svg>", "<g"+attributes(256)+"/>", "</svg>"),
		"style":      fill("<svg><style>", `\75 rl(`, "</style></svg>"),
		"texts":      fill("<svg><style>", `/*url(#"`, "</style></svg>"),
		"deep":       fill("<svg>", strings.Repeat("<g>", 250)+strings.Repeat("</g>", 250), "</svg>"),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_ = Check(svg)
			}
		})
	}
}
