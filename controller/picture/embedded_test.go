package picture

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
)

// reader reads from files in memory.
func reader(files map[string][]byte) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if data, ok := files[name]; ok {
			return data, nil
		}
		return nil, fs.ErrNotExist
	}
}

func TestSplitAndJoin(t *testing.T) {
	image := encoded(t, pngOf, 40, 30)
	address := "data:image/png;base64," + base64.StdEncoding.EncodeToString(image)
	embedded := func(inner string) string { return wrap(`<image width="40" xlink:href="` + address + `"/>` + inner) }
	pad := func(n int) string { return "<!--" + strings.Repeat("x", n) + "-->" }
	for _, tc := range []struct {
		name, svg string
		stored    string   // what the stored text ends with
		files     []string // what the names of files end with
	}{
		{"short", wrap(""), "</svg>", nil},
		{"under 500 bytes", embedded(""), "</svg>", nil},
		{"image", embedded(pad(500)), "</svg>", []string{".png"}},
		{"long", wrap(pad(1000)), ".svg", []string{".svg"}},
		{"long with image", embedded(pad(1500)), ".svg", []string{".png", ".svg"}},
		{"no XML", strings.Repeat("x", 700), "x", nil},
		{"reference to a part", wrap(`<image href="#a"/>` + pad(500)), "</svg>", nil},
		{"image of another kind", wrap(`<image href="data:image/gif;base64,AAAA"/>` + pad(500)), "</svg>", nil},
		{"damaged image", wrap(`<image href="data:image/png;base64,A*A"/>` + pad(500)), "</svg>", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stored, files := Split(tc.svg)
			names := slices.Sorted(maps.Keys(files))
			suffix := func(name, want string) bool { return strings.HasSuffix(name, want) && len(name) == 32+len(want) }
			slices.SortFunc(names, func(a, b string) int { return strings.Compare(a[32:], b[32:]) })
			if !strings.HasSuffix(stored, tc.stored) || !slices.EqualFunc(names, tc.files, suffix) {
				t.Errorf("Split() = %.60q..., %v, want ...%s, %v", stored, names, tc.stored, tc.files)
			}
			if tc.stored == ".svg" && len(stored) != 36 {
				t.Errorf("Split() = %q, want a file name", stored)
			}
			if len(tc.files) > 1 || len(tc.files) == 1 && tc.files[0] == ".png" {
				if len(stored) > 1000 || string(files[names[0]]) != string(image) {
					t.Errorf("Split() = %q, %d files, want the image in a file", stored, len(files))
				}
			}
			if got := FileNames(stored); len(got) != min(len(tc.files), 1) {
				t.Errorf("FileNames(%q) = %v", stored, got)
			}
			svg, err := Join(stored, reader(files))
			if err != nil || svg != tc.svg {
				t.Errorf("Join() = %q, %v, want %q", svg, err, tc.svg)
			}
		})
	}
}

func TestSplitReadsWrappedBase64(t *testing.T) {
	image := encoded(t, pngOf, 40, 30)
	text := base64.StdEncoding.EncodeToString(image)
	svg := wrap("<image xlink:href='data:image/png;base64,\n " + text[:20] + "\n" + strings.TrimRight(text[20:], "=") + "'/><!--" + strings.Repeat("x", 500) + "-->")
	stored, files := Split(svg)
	joined, err := Join(stored, reader(files))
	if want := wrap("<image xlink:href='data:image/png;base64," + text + "'/><!--" + strings.Repeat("x", 500) + "-->"); len(files) != 1 || err != nil || joined != want {
		t.Errorf("Join(Split(%q)) = %q, %v, want %q", svg, joined, err, want)
	}
}

func TestJoinWithoutFiles(t *testing.T) {
	const name = "0123456789abcdef0123456789abcdef"
	if _, err := Join(name+".svg", reader(nil)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Join(a missing SVG) = %v, want ErrNotExist", err)
	}
	svg := wrap(`<image xlink:href="` + name + `.png"/>`)
	if got, err := Join(svg, reader(nil)); got != svg || err != nil {
		t.Errorf("Join(a missing image) = %q, %v, want it as it was", got, err)
	}
	if got, err := Join(svg, reader(map[string][]byte{name + ".png": []byte("no image")})); got != svg || err != nil {
		t.Errorf("Join(a damaged image) = %q, %v, want it as it was", got, err)
	}
	for _, outside := range []string{"../a.png", "/etc/a.png", "a/b.png", ".a.png", "a..%2f.png", "http://example.com/a.png", ""} {
		svg := wrap(`<image xlink:href="` + outside + `"/>`)
		got, err := Join(svg, func(name string) ([]byte, error) {
			t.Errorf("Join(%q) reads %q", svg, name)
			return nil, fs.ErrNotExist
		})
		if got != svg || err != nil {
			t.Errorf("Join(%q) = %q, %v", svg, got, err)
		}
	}
}

// FuzzSplit holds that what is split comes back: the very text, or one that is
// split into the same.
func FuzzSplit(f *testing.F) {
	pad := strings.Repeat("x", 600)
	f.Add(wrap(`<image xlink:href="data:image/gif;base64,R0lGODlhAAAA"/>` + pad))
	f.Add(`<svg><image href='data:image/bmp,BM%41'/>` + pad + pad)
	f.Add("<svg><!--" + pad + "--><image x:href=\"0123.png\"/>")
	f.Fuzz(func(t *testing.T, svg string) {
		if IsFileName(svg) {
			return // never an SVG
		}
		stored, files := Split(svg)
		joined, err := Join(stored, reader(files))
		if err != nil {
			t.Fatalf("Join(Split(%q)) = %v", svg, err)
		}
		if joined == svg {
			return
		}
		again, other := Split(joined)
		if strings.Contains(svg, "data:image/") && len(other) > 0 && again != stored {
			t.Errorf("Split(%q) = %q, and after Join %q", svg, stored, again)
		}
		if !strings.Contains(svg, "data:image/") {
			t.Errorf("Join(Split(%q)) = %q", svg, joined)
		}
	})
}
