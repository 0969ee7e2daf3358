package images

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

func TestMakeAndChange(t *testing.T) {
	f, dir := open(t)
	writes := func(text string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(text), 0o644) }
	}
	if err := f.Make(t.Context(), "qemu", "new/disk", writes("one")); err != nil {
		t.Fatal(err)
	}
	if got := list(t, f, "qemu"); len(got) != 1 || got[0].Path != "new/disk" || got[0].MD5 != sumOf("one") {
		t.Errorf("List after Make = %+v", got)
	}
	path := filepath.Join(dir, "QEMU/new/disk")
	wantCode(t, "Make again", f.Make(t.Context(), "qemu", path, writes("two")), fault.Conflict)
	wantCode(t, "Make outside", f.Make(t.Context(), "qemu", filepath.Join(dir, "IOU/x"), writes("two")), fault.Forbidden)
	if err := f.Change("qemu", path, writes("three")); err != nil {
		t.Error(err)
	}
	if got := list(t, f, "qemu"); len(got) != 1 || got[0].MD5 != sumOf("three") {
		t.Errorf("List after Change = %+v, want checksum %s", got, sumOf("three"))
	}
	wantCode(t, "Change of none", f.Change("qemu", "disk", writes("")), fault.NotFound)
	wantCode(t, "Change outside", f.Change("qemu", "/etc/hostname", writes("")), fault.Forbidden)
	broken := errors.New("broken")
	if err := f.Make(t.Context(), "qemu", "other", func(string) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("Make that fails = %v, want %v", err, broken)
	}
	err := f.Make(t.Context(), "qemu", "race", func(path string) error {
		put(t, f, "qemu", "race", "faster")
		return writes("slower")(path)
	})
	wantCode(t, "Make that is too slow", err, fault.Conflict)
	if got := files(t, filepath.Join(dir, "QEMU")); got != "new/disk new/disk.md5sum" {
		t.Errorf("there is %s", got)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "QEMU/race")); err != nil || string(b) != "faster" {
		t.Errorf("race = %s, %v, want that of the upload", b, err)
	}
}
