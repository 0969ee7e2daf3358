package images

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

const ios = elf32Big + "an IOS image"

func open(t *testing.T) (*Folder, string) {
	t.Helper()
	dir := t.TempDir()
	return reopen(t, dir), dir
}

func reopen(t *testing.T, dir string) *Folder {
	t.Helper()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, f *Folder, emulator, name, text string) {
	t.Helper()
	if _, err := f.Put(t.Context(), emulator, name, strings.NewReader(text)); err != nil {
		t.Fatalf("Put(%q) = %v", name, err)
	}
}

func list(t *testing.T, f *Folder, emulator string) []Image {
	t.Helper()
	all, err := f.List(t.Context(), emulator)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sumOf(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

func wantCode(t *testing.T, what string, err error, code fault.Code) {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) || e.Code != code || !strings.HasPrefix(e.Message, "cannot ") && code != fault.NotFound {
		t.Errorf("%s = %v, want an error of class %d", what, err, code)
	}
}

func TestList(t *testing.T) {
	f, dir := open(t)
	write(t, filepath.Join(dir, "QEMU/a.qcow2"), "disk")
	write(t, filepath.Join(dir, "QEMU/sub/dir/b.img"), "other")
	write(t, filepath.Join(dir, "QEMU/a.qcow2.md5sum"), "not a checksum")
	write(t, filepath.Join(dir, "QEMU/c.qcow2.tmp"), "half")
	write(t, filepath.Join(dir, "QEMU/.hidden/d.img"), "hidden")
	write(t, filepath.Join(dir, "IOS/router.bin"), ios)
	write(t, filepath.Join(dir, "IOS/readme.txt"), "no image")
	if err := os.Symlink("a.qcow2", filepath.Join(dir, "QEMU/link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "QEMU/out")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "QEMU/pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	want := []Image{
		{Filename: "a.qcow2", Path: "a.qcow2", MD5: sumOf("disk"), Size: 4},
		{Filename: "link", Path: "link", MD5: sumOf("disk"), Size: 4},
		{Filename: "b.img", Path: "sub/dir/b.img", MD5: sumOf("other"), Size: 5},
	}
	if diff := cmp.Diff(want, list(t, f, "qemu")); diff != "" {
		t.Errorf("List(qemu) differs (-want +got):\n%s", diff)
	}
	want = []Image{{Filename: "router.bin", Path: "router.bin", MD5: sumOf(ios), Size: int64(len(ios))}}
	if diff := cmp.Diff(want, list(t, f, "dynamips")); diff != "" {
		t.Errorf("List(dynamips) differs (-want +got):\n%s", diff)
	}
	if got := list(t, f, "iou"); got == nil || len(got) != 0 {
		t.Errorf("List(iou) = %#v, want an empty list", got)
	}
	_, err := f.List(t.Context(), "vpcs")
	wantCode(t, "List(vpcs)", err, fault.NotFound)
}

func TestPut(t *testing.T) {
	f, dir := open(t)
	text := strings.Repeat("0123456789", 100_000)
	got, err := f.Put(t.Context(), "qemu", "sub/disk.img", iotest.OneByteReader(strings.NewReader(text[:5000])))
	want := Image{Filename: "disk.img", Path: "sub/disk.img", MD5: sumOf(text[:5000]), Size: 5000}
	if err != nil || got != want {
		t.Errorf("Put = %+v, %v, want %+v", got, err, want)
	}
	put(t, f, "qemu", "sub/disk.img", text) // replaces it
	path := filepath.Join(dir, "QEMU/sub/disk.img")
	if b, err := os.ReadFile(path); err != nil || string(b) != text {
		t.Errorf("the file has %d bytes, %v, want %d", len(b), err, len(text))
	}
	if b, err := os.ReadFile(path + ".md5sum"); err != nil || string(b) != sumOf(text) {
		t.Errorf("checksum file = %s, %v, want %s", b, err, sumOf(text))
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o755 {
		t.Errorf("mode = %v, %v, want 0755", info.Mode(), err)
	}
	if got, ok := f.Find("qemu", "sub/disk.img"); !ok || got != path {
		t.Errorf("Find = %s, %v, want %s", got, ok, path)
	}
	if got, ok := f.Find("qemu", path); !ok || got != path {
		t.Errorf("Find(%s) = %s, %v, want itself", path, got, ok)
	}
	for _, name := range []string{"disk.img", "sub", "../QEMU/sub/disk.img", "/etc/hostname", "", "sub/disk.img.md5sum"} {
		if got, ok := f.Find("qemu", name); ok {
			t.Errorf("Find(%q) = %s, want none", name, got)
		}
	}
	file, err := f.Open("qemu", "sub/disk.img")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if b, err := io.ReadAll(file); err != nil || string(b) != text {
		t.Errorf("Open gives %d bytes, %v", len(b), err)
	}
	if err := f.Delete(t.Context(), "qemu", "sub/disk.img"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "Delete again", f.Delete(t.Context(), "qemu", "sub/disk.img"), fault.NotFound)
	_, err = f.Open("qemu", "sub/disk.img")
	wantCode(t, "Open after Delete", err, fault.NotFound)
	if left := files(t, dir); left != "" {
		t.Errorf("after Delete there is %s", left)
	}
}

func files(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		if err == nil && strings.Contains(rel, "/") {
			all = append(all, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func TestPutRefusesWhatCannotRun(t *testing.T) {
	f, dir := open(t)
	for _, tc := range []struct {
		emulator, text, why string // why is empty for what is taken
	}{
		{"dynamips", ios, ""},
		{"dynamips", "PK\x03\x04 zipped", "ZIP"},
		{"dynamips", "", "empty"},
		{"dynamips", "\x7fELF", "short"},
		{"dynamips", elf64Little + "for x86", "another kind of machine"},
		{"dynamips", "<html><body>404", "web page"},
		{"iou", elf32Little + "iou", ""},
		{"iou", elf64Little + "iou", ""},
		{"iou", ios, "another kind of machine"},
		{"iou", "\x1f\x8b\x08\x00zipped", "compressed"},
		{"iou", "QFI\xfb\x00\x00\x00\x03", "QEMU disk"},
		{"iou", "something else", "other bytes"},
		{"qemu", "", ""},
		{"qemu", "anything", ""},
	} {
		_, err := f.Put(t.Context(), tc.emulator, "image", strings.NewReader(tc.text))
		if tc.why == "" {
			if err != nil {
				t.Errorf("Put(%s, %q) = %v", tc.emulator, tc.text, err)
			}
			if err := f.Delete(t.Context(), tc.emulator, "image"); err != nil {
				t.Error(err)
			}
			continue
		}
		wantCode(t, fmt.Sprintf("Put(%s, %q)", tc.emulator, tc.text), err, fault.Conflict)
		if err != nil && !strings.Contains(err.Error(), tc.why) {
			t.Errorf("Put(%s, %q) = %v, want a word of %q", tc.emulator, tc.text, err, tc.why)
		}
	}
	if left := files(t, dir); left != "" {
		t.Errorf("refused uploads left %s", left)
	}
}

func TestPutThatEndsEarly(t *testing.T) {
	f, dir := open(t)
	put(t, f, "qemu", "disk", "the old one")
	_, err := f.Put(t.Context(), "qemu", "disk", io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), iotest.ErrReader(io.ErrUnexpectedEOF)))
	wantCode(t, "Put of half an image", err, fault.Invalid)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = f.Put(ctx, "qemu", "disk", io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), calls(cancel), bytes.NewReader(make([]byte, 1<<20))))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Put that is given up = %v, want %v", err, context.Canceled)
	}
	if left := files(t, dir); left != "QEMU/disk QEMU/disk.md5sum" {
		t.Errorf("there is %s, want the old image alone", left)
	}
	if got := list(t, f, "qemu"); len(got) != 1 || got[0].MD5 != sumOf("the old one") {
		t.Errorf("List = %+v, want the old image", got)
	}
}

// calls calls itself when it is read, and has nothing to read.
type calls func()

func (c calls) Read([]byte) (int, error) { c(); return 0, io.EOF }

func TestOpenRemovesWhatAKilledUploadLeft(t *testing.T) {
	f, dir := open(t)
	put(t, f, "qemu", "sub/disk", "whole")
	write(t, filepath.Join(dir, "QEMU/sub/.upload-ABCDEFGHIJKL.tmp"), "half")
	reopen(t, dir)
	if left := files(t, dir); left != "QEMU/sub QEMU/sub/disk QEMU/sub/disk.md5sum" {
		t.Errorf("there is %s, want one image alone", left)
	}
}

func TestUploadsOfOneName(t *testing.T) {
	f, _ := open(t)
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			for range 5 {
				put(t, f, "qemu", "disk", strings.Repeat(fmt.Sprint(i), 1<<16))
				list(t, f, "qemu")
			}
		})
	}
	all.Wait()
	path, _ := f.Find("qemu", "disk")
	b, err := os.ReadFile(path)
	if err != nil || len(b) != 1<<16 || string(b) != strings.Repeat(string(b[:1]), 1<<16) {
		t.Fatalf("the image is not that of one upload: %d bytes, %v", len(b), err)
	}
	if got := list(t, f, "qemu"); len(got) != 1 || got[0].MD5 != sumOf(string(b)) {
		t.Errorf("List = %+v, want checksum %s", got, sumOf(string(b)))
	}
	if stored, err := os.ReadFile(path + ".md5sum"); err != nil || string(stored) != sumOf(string(b)) {
		t.Errorf("checksum file = %s, %v, want %s", stored, err, sumOf(string(b)))
	}
}

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	f := reopen(t, dir)
	put(t, f, "qemu", "disk", "small")
	_, err := f.Put(t.Context(), "qemu", "disk", io.LimitReader(zeros{}, 8<<20))
	wantCode(t, "Put on a full disk", err, fault.NoSpace)
	if left := files(t, dir); left != "QEMU/disk QEMU/disk.md5sum" {
		t.Errorf("there is %s, want the old image alone", left)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
