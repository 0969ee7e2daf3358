package symbols

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lanyard-lab/lanyard/controller/fault"
	"github.com/lanyard-lab/lanyard/controller/picture"
)

func open(t *testing.T) (set *Set, folder string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "symbols")
	s, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, folder
}

func put(t *testing.T, folder, name, text string) {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func codeOf(err error) fault.Code {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.Code
	}
	return -1
}

// TestBuiltinSymbols looks at every one: its SVG can be shown, is as large as
// it says, and GNS3's web client finds the width.
func TestBuiltinSymbols(t *testing.T) {
	s, _ := open(t)
	themes := map[string]int{}
	root := regexp.MustCompile(`^<svg xmlns="http://www.w3.org/2000/svg" width="(\d+)" height="(\d+)" viewBox="0 0 (\d+) (\d+)">`)
	for _, symbol := range s.List() {
		themes[symbol.Theme]++
		data, media, err := s.Raw(symbol.ID)
		if err != nil || media != "image/svg+xml" || !symbol.Builtin || !strings.HasSuffix(symbol.ID, "/"+symbol.Filename) {
			t.Errorf("Raw(%+v) = %s, %v", symbol, media, err)
		}
		if err := picture.Check(data); err != nil {
			t.Errorf("%s: %v\n%s", symbol.ID, err, data)
		}
		w, h, err := picture.Size(data)
		width, height, sizeErr := s.Dimensions(symbol.ID)
		if err != nil || sizeErr != nil || w != width || h != height {
			t.Errorf("%s is %d x %d, %v, and Dimensions() = %d, %d, %v", symbol.ID, w, h, err, width, height, sizeErr)
		}
		if found := root.FindSubmatch(data); found == nil || string(found[1]) != string(found[3]) || string(found[2]) != string(found[4]) {
			t.Errorf("%s begins with %.100s", symbol.ID, data)
		}
	}
	for _, theme := range []string{"Classic", "Affinity-circle-blue", "Affinity-circle-gray", "Affinity-circle-red", "Affinity-square-blue", "Affinity-square-gray", "Affinity-square-red"} {
		if themes[theme] < 45 {
			t.Errorf("theme %s has %d symbols", theme, themes[theme])
		}
	}
	for name, other := range renamed() {
		if _, ok := s.classic(name); !ok {
			t.Errorf("%s stands for %s, which does not exist", name, other)
		}
	}
}

func TestEveryGlyphIsUsed(t *testing.T) {
	used := map[string]bool{}
	all, _ := builtins()
	for _, d := range all {
		used[d.glyph], used[d.badge] = true, true
	}
	files, err := glyphs.ReadDir("glyphs")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !used[strings.TrimSuffix(f.Name(), ".svg")] {
			t.Errorf("no symbol has glyph %s", f.Name())
		}
	}
}

func TestSizesThatClientsKnow(t *testing.T) {
	s, _ := open(t)
	for id, want := range map[string][2]int{
		"vpcs_guest": {65, 59}, "computer": {65, 59}, "qemu_guest": {65, 59}, "docker_guest": {65, 59}, "ethernet_switch": {72, 32},
		"hub": {72, 32}, "frame_relay_switch": {72, 32}, "atm_switch": {72, 32}, "cloud": {159, 71}, "nat": {159, 71},
		"router": {66, 45}, "firewall": {66, 45}, "multilayer_switch": {51, 48}, "affinity/circle/blue/client": {60, 60},
	} {
		if w, h, err := s.Dimensions(":/symbols/" + id + ".svg"); w != want[0] || h != want[1] || err != nil {
			t.Errorf("Dimensions(%s) = %d, %d, %v, want %v", id, w, h, err, want)
		}
	}
}

func TestIDsThatLostAPart(t *testing.T) {
	s, folder := open(t)
	put(t, folder, "mine.svg", `<svg width="1" height="2"/>`)
	put(t, folder, "vendor/box.svg", `<svg width="3" height="4"/>`)
	put(t, folder, "classic/hub.svg", `<svg width="5" height="6"/>`)
	put(t, folder, ".hidden.svg", `<svg width="7" height="8"/>`)
	put(t, filepath.Dir(folder), "outside.svg", `<svg width="9" height="9"/>`)
	for _, tc := range []struct{ id, builtin, file string }{
		{":/symbols/router.svg", "classic/router", ""},
		{":/symbols/classic/router.svg", "classic/router", ""},
		{"/symbols/vpcs_guest.svg", "classic/vpcs_guest", ""},
		{"//symbols/vpcs_guest.svg", "classic/vpcs_guest", ""},
		{"symbols/vpcs_guest.svg", "classic/vpcs_guest", ""},
		{"://symbols/affinity/square/red/switch.svg", "affinity/square/red/switch", ""},
		{":/symbols/affinity/square/green/switch_multilayer.svg", "classic/computer", ""},
		{":/symbols/affinity/square/green/router.svg", "classic/router", ""},
		{":/symbols/router.normal.svg", "classic/router", ""},
		{":/symbols/PIX_firewall.selected.svg", "classic/pix_firewall", ""},
		{"router.svg", "classic/router", ""},
		{"router.png", "classic/router", ""},
		{"C:\\symbols\\router.svg", "classic/computer", ""},
		{"mine.svg", "", "mine.svg"},
		{"/mine.svg", "", "mine.svg"},
		{":/symbols/mine.svg", "", "mine.svg"},
		{"/home/user/GNS3/symbols/mine.svg", "", "mine.svg"},
		{"vendor/box.svg", "", "vendor/box.svg"},
		{"classic/hub.svg", "", "classic/hub.svg"},
		{":/symbols/classic/hub.svg", "classic/hub", ""},
		{"box.svg", "classic/computer", ""},
		{".hidden.svg", "classic/computer", ""},
		{"../outside.svg", "classic/computer", ""},
		{"vendor/../../outside.svg", "classic/computer", ""},
		{"vendor", "classic/computer", ""},
		{"nothing.svg", "classic/computer", ""},
		{"", "classic/computer", ""},
		{":/symbols/", "classic/computer", ""},
	} {
		if builtin, file := s.find(tc.id); builtin != tc.builtin || file != tc.file {
			t.Errorf("find(%q) = %q, %q, want %q, %q", tc.id, builtin, file, tc.builtin, tc.file)
		}
	}
	var own []string
	for _, symbol := range s.List() {
		if !symbol.Builtin {
			own = append(own, symbol.ID+" "+symbol.Filename+" "+symbol.Theme)
		}
	}
	if want := []string{"classic/hub.svg hub.svg Custom symbols", "mine.svg mine.svg Custom symbols", "vendor/box.svg box.svg Custom symbols"}; !slices.Equal(own, want) {
		t.Errorf("List() has %q of the users', want %q", own, want)
	}
}

func TestLinksOutOfTheFolder(t *testing.T) {
	s, folder := open(t)
	put(t, filepath.Dir(folder), "secret.svg", `<svg width="5" height="6"/>`)
	if err := os.Symlink("../secret.svg", filepath.Join(folder, "link.svg")); err != nil {
		t.Fatal(err)
	}
	if builtin, file := s.find("link.svg"); file != "" {
		t.Errorf("find(a link out of the folder) = %q, %q", builtin, file)
	}
}

func TestDefaultSymbols(t *testing.T) {
	s, _ := open(t)
	ids := map[string]bool{}
	for _, symbol := range s.List() {
		ids[symbol.ID] = true
	}
	themes := DefaultSymbols()
	if len(themes) != 7 {
		t.Errorf("DefaultSymbols() has %d themes, want 7", len(themes))
	}
	for theme, kinds := range themes {
		if len(kinds) != 14 {
			t.Errorf("theme %s has %d kinds, want 14", theme, len(kinds))
		}
		for kind, id := range kinds {
			if !ids[id] {
				t.Errorf("theme %s has %s for %s, which does not exist", theme, id, kind)
			}
		}
	}
}

// TestSymbolsAtOnce reads and replaces symbols from all sides: whoever reads
// gets a whole one.
func TestSymbolsAtOnce(t *testing.T) {
	s, _ := open(t)
	symbol := func(n int) string {
		return fmt.Sprintf(`<svg width="%d" height="%d">%s</svg>`, n, n, strings.Repeat(" ", n*1000))
	}
	if err := s.Put("a.svg", strings.NewReader(symbol(1))); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 5 {
				if err := s.Put("a.svg", strings.NewReader(symbol(i*5+n+1))); err != nil {
					t.Error(err)
				}
				data, _, err := s.Raw("a.svg")
				w, _, sizeErr := picture.Size(data)
				if err != nil || sizeErr != nil || string(data) != symbol(w) {
					t.Errorf("Raw() = %d bytes, %v, %v", len(data), err, sizeErr)
				}
				if w, h, err := s.Dimensions("a.svg"); w < 1 || w != h || err != nil {
					t.Errorf("Dimensions() = %d, %d, %v", w, h, err)
				}
				s.List()
			}
		})
	}
	all.Wait()
}

func FuzzFind(f *testing.F) {
	for _, id := range []string{":/symbols/router.svg", "//symbols//a/../hub.svg", "../a.svg", "a.svg", "\x00.svg", "affinity/circle/blue/"} {
		f.Add(id)
	}
	folder := filepath.Join(f.TempDir(), "symbols")
	s, err := Open(folder)
	if err != nil {
		f.Fatal(err)
	}
	defer s.Close()
	f.Fuzz(func(t *testing.T, id string) {
		data, media, err := s.Raw(id)
		w, h, sizeErr := s.Dimensions(id)
		if err != nil || sizeErr != nil || media != picture.TypeSVG || !bytes.HasPrefix(data, []byte("<svg ")) || w < 1 || h < 1 {
			t.Errorf("Raw(%q) = %.40q, %s, %v, and Dimensions() = %d, %d, %v", id, data, media, err, w, h, sizeErr)
		}
		if err := checkName(filepath.Base(plain(id))); err == nil && !isPicture(id) && !isPicture(plain(id)) {
			t.Errorf("checkName accepts %q", id)
		}
	})
}
