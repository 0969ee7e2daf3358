package images

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

func TestNames(t *testing.T) {
	for _, tc := range []struct {
		name string
		want fault.Code // Internal for what is taken
	}{
		{"a", fault.Internal},
		{"sub folder/IOSv (15.7).qcow2", fault.Internal},
		{"ü..img", fault.Internal},
		{strings.Repeat("x", maxPart), fault.Internal},
		{"", fault.Invalid},
		{"a\x00b", fault.Invalid},
		{"a\nb", fault.Invalid},
		{"a\u0085b", fault.Invalid},
		{"a\xff", fault.Invalid},
		{strings.Repeat("x", maxPart+1), fault.Invalid},
		{strings.Repeat("x/", maxName), fault.Invalid},
		{"/etc/passwd", fault.Forbidden},
		{"..", fault.Forbidden},
		{".", fault.Forbidden},
		{"a/../../b", fault.Forbidden},
		{"a/../b", fault.Forbidden},
		{"a//b", fault.Forbidden},
		{"a/", fault.Forbidden},
		{".a", fault.Forbidden},
		{"a/.b/c", fault.Forbidden},
		{"a.md5sum", fault.Forbidden},
		{"a.TMP", fault.Forbidden},
	} {
		err := checkName(tc.name)
		if tc.want == fault.Internal {
			if err != nil {
				t.Errorf("checkName(%q) = %v", tc.name, err)
			}
			continue
		}
		wantCode(t, "checkName("+tc.name+")", err, tc.want)
	}
}

// FuzzNames uploads by any name: whatever is taken is in its place, is listed
// by that name, and nothing is outside.
func FuzzNames(f *testing.F) {
	for _, name := range []string{"a", "a/b", "../a", "/a", ".a", "a.md5sum", "a\x00", "a//b", "QEMU", "a/../../b", "a\\b", "-"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		dir := t.TempDir()
		inside := filepath.Join(dir, "images")
		folder := reopen(t, inside)
		_, err := folder.Put(t.Context(), "qemu", name, strings.NewReader("text"))
		entries, readErr := os.ReadDir(dir)
		if readErr != nil || len(entries) != 1 {
			t.Fatalf("outside of the images there is %v, %v", entries, readErr)
		}
		if err != nil {
			if left := files(t, inside); left != "" {
				t.Errorf("Put(%q) = %v and left %s", name, err, left)
			}
			return
		}
		got := list(t, folder, "qemu")
		if len(got) != 1 || got[0].Path != name || got[0].MD5 != sumOf("text") {
			t.Errorf("Put(%q), List = %+v", name, got)
		}
		if path, ok := folder.Find("qemu", name); !ok || path != filepath.Join(inside, "QEMU", name) {
			t.Errorf("Find(%q) = %q, %v", name, path, ok)
		}
	})
}

// TestAppliance puts what is no image among those of each emulator, reads it
// again, and wants none of those that check their images to list it.
func TestAppliance(t *testing.T) {
	f, _ := open(t)
	for _, emulator := range Emulators() {
		put(t, f, emulator, "x.gns3a", `{"name": "x"}`)
		file, err := f.Open(emulator, "x.gns3a")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if text, err := io.ReadAll(file); err != nil || string(text) != `{"name": "x"}` {
			t.Errorf("appliance among the images of %s = %q, %v", emulator, text, err)
		}
		if all := list(t, f, emulator); emulator != "qemu" && len(all) != 0 {
			t.Errorf("List(%s) = %v, want no appliance", emulator, all)
		}
	}
}
