package symbols

import (
	"encoding/base64"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/lanyard-lab/lanyard/controller/fault"
	"github.com/lanyard-lab/lanyard/controller/picture"
)

// png is a picture of 1 x 1 points.
func png(t *testing.T) string {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestPut(t *testing.T) {
	s, folder := open(t)
	const svg = `<svg width="10" height="20"/>`
	for _, tc := range []struct {
		id, data string
		file     string // empty: refused
		code     fault.Code
		media    string
		width    int
	}{
		{"a.svg", svg, "a.svg", 0, "image/svg+xml", 10},
		{":/symbols/b.svg", svg, "b.svg", 0, "image/svg+xml", 10},
		{"/some/where/c.png", png(t), "c.png", 0, "image/png", 1},
		{"a.svg", `<svg width="11" height="20"/>`, "a.svg", 0, "image/svg+xml", 11},
		{"d.svg", `<svg width="1" height="1"><script/></svg>`, "", fault.Conflict, "", 0},
		{"d.png", `<svg width="1" height="1"><script/></svg>`, "", fault.Conflict, "", 0},
		{"d.svg", "hello", "", fault.Conflict, "", 0},
		{"d.png", "hello", "", fault.Conflict, "", 0},
		{"d.svg", png(t), "", fault.Conflict, "", 0},
		{"d.svg", "<svg/>", "", fault.Conflict, "", 0},
		{"d.svg", "", "", fault.Conflict, "", 0},
		{"d.txt", svg, "", fault.Invalid, "", 0},
		{".d.svg", svg, "", fault.Invalid, "", 0},
		{"..", svg, "", fault.Invalid, "", 0},
		{"", svg, "", fault.Invalid, "", 0},
		{"a\nb.svg", svg, "", fault.Invalid, "", 0},
		{`..\d.svg`, svg, "", fault.Invalid, "", 0},
		{strings.Repeat("x", 250) + ".svg", svg, "", fault.Invalid, "", 0},
		{"d.svg", "<svg>" + strings.Repeat(" ", MaxBytes), "", fault.TooLarge, "", 0},
	} {
		err := s.Put(tc.id, strings.NewReader(tc.data))
		if tc.file == "" {
			if codeOf(err) != tc.code {
				t.Errorf("Put(%.40q, %.40q) = %v, want code %d", tc.id, tc.data, err, tc.code)
			}
			continue
		}
		data, media, rawErr := s.Raw(tc.file)
		width, _, sizeErr := s.Dimensions(tc.file)
		if err != nil || rawErr != nil || sizeErr != nil || string(data) != tc.data || media != tc.media || width != tc.width {
			t.Errorf("after Put(%q) = %v: Raw() = %q, %s, %v and Dimensions() = %d, %v", tc.id, err, data, media, rawErr, width, sizeErr)
		}
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 3 {
		t.Errorf("the folder has %v, %v, want a.svg, b.svg, c.png", left, err)
	}
	if err := s.Put("e.svg", brokenReader{}); codeOf(err) != fault.Invalid {
		t.Errorf("Put(a broken upload) = %v, want Invalid", err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestFilesThatAreNoPictures(t *testing.T) {
	s, folder := open(t)
	put(t, folder, "bad.svg", "hello")
	put(t, folder, "huge.svg", "<svg>"+strings.Repeat(" ", picture.MaxBytes))
	if _, _, err := s.Dimensions("bad.svg"); codeOf(err) != fault.Conflict {
		t.Errorf("Dimensions(bad.svg) = %v, want Conflict", err)
	}
	if data, media, err := s.Raw("bad.svg"); string(data) != "hello" || media != "application/octet-stream" || err != nil {
		t.Errorf("Raw(bad.svg) = %q, %s, %v", data, media, err)
	}
	if _, _, err := s.Raw("huge.svg"); codeOf(err) != fault.Conflict {
		t.Errorf("Raw(huge.svg) = %v, want Conflict", err)
	}
	put(t, folder, "bad.svg", `<svg width="5" height="6"/>`)
	if w, h, err := s.Dimensions("bad.svg"); w != 5 || h != 6 || err != nil {
		t.Errorf("Dimensions(bad.svg) after it was mended = %d, %d, %v", w, h, err)
	}
}
