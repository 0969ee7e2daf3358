package controller_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-lab/lanyard/controller"
)

// reader is what has files: a project or a node.
type reader interface {
	ReadFile(context.Context, string) (io.ReadSeekCloser, error)
	WriteFile(context.Context, string, io.Reader) error
}

func read(t *testing.T, from reader, name string) string {
	t.Helper()
	file, err := from.ReadFile(t.Context(), name)
	if err != nil {
		t.Fatalf("ReadFile(%q) = %v", name, err)
	}
	defer file.Close()
	b, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, to reader, name, text string) {
	t.Helper()
	if err := to.WriteFile(t.Context(), name, strings.NewReader(text)); err != nil {
		t.Fatalf("WriteFile(%q) = %v", name, err)
	}
}

func TestProjectFiles(t *testing.T) {
	c := start(t)
	p := project(t, c)
	if _, err := p.ReadFile(t.Context(), "README.txt"); codeOf(err) != controller.NotFound {
		t.Errorf("ReadFile of none = %v, want NotFound", err)
	}
	write(t, p, "README.txt", "what this lab is about")
	write(t, p, "README.txt", "what this lab shows")
	write(t, p, "project-files/deep/er/file", "")
	if got := read(t, p, "README.txt"); got != "what this lab shows" {
		t.Errorf("README.txt = %q", got)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, p, "README.txt", "closed")
	if got := read(t, p, "README.txt"); got != "closed" {
		t.Errorf("README.txt of the closed project = %q", got)
	}
	list, err := p.ListFiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range list {
		if filepath.Ext(f.Path) != ".gns3" { // the project file is written when it suits the server
			got[f.Path] = f.MD5
		}
	}
	if diff := cmp.Diff(map[string]string{"README.txt": sumOf("closed"), "project-files/deep/er/file": sumOf("")}, got); diff != "" {
		t.Errorf("ListFiles differs (-want +got):\n%s", diff)
	}
	if err := p.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.WriteFile(t.Context(), "README.txt", strings.NewReader("")); codeOf(err) != controller.NotFound {
		t.Errorf("WriteFile in a deleted project = %v, want NotFound", err)
	}
}

func sumOf(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

func TestFilesStayInTheFolder(t *testing.T) {
	c := start(t)
	p := project(t, c)
	n := node(t, p, "PC1")
	folder := p.View().Path
	outside := t.TempDir()
	inside := filepath.Join(folder, "project-files", "vpcs", n.View().ID)
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, link := range [][2]string{
		{outside, "folder"}, {"/etc/hostname", "file"}, {"../../../lanyard.db", "store"}, {"../../..", "up"},
	} {
		if err := os.Symlink(link[0], filepath.Join(inside, link[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(inside, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(folder, "lanyard.db"))
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x/", 2500) + "x"
	for _, tc := range []struct {
		from        reader
		name        string
		read, write controller.Code
	}{
		{p, "", controller.Forbidden, controller.Forbidden},
		{p, "/etc/hostname", controller.Forbidden, controller.Forbidden},
		{p, "../x", controller.Forbidden, controller.Forbidden},
		{p, "a/../../x", controller.Forbidden, controller.Forbidden},
		{p, "a/./x", controller.Forbidden, controller.Forbidden},
		{p, ".hidden", controller.Forbidden, controller.Forbidden},
		{p, "a\x00b", controller.Forbidden, controller.Forbidden},
		{p, long, controller.Forbidden, controller.Forbidden},
		{p, "lanyard.db", controller.Forbidden, controller.Forbidden},
		{p, "lanyard.db-wal", controller.Forbidden, controller.Forbidden},
		{p, "LANYARD.DB", controller.Forbidden, controller.Forbidden},
		{p, "other.gns3", controller.NotFound, controller.Forbidden},
		{p, "project-files", controller.NotFound, controller.Conflict},
		{p, "README.txt/x", controller.NotFound, controller.Conflict},
		{n, "none", controller.NotFound, -1},
		{n, "pipe", controller.NotFound, -1},
		{n, "../x", controller.Forbidden, controller.Forbidden},
		{n, ".hidden", controller.Forbidden, controller.Forbidden},
		{n, "folder/x", controller.Forbidden, controller.Forbidden},
		{n, "file", controller.Forbidden, -1},
		{n, "store", controller.Forbidden, -1},
		{n, "up/lanyard.db", controller.Forbidden, controller.Forbidden},
		{n, "up/lanyard.db-shm", controller.Forbidden, controller.Forbidden},
	} {
		write(t, p, "README.txt", "")
		file, err := tc.from.ReadFile(t.Context(), tc.name)
		if err == nil {
			file.Close()
		}
		if codeOf(err) != tc.read {
			t.Errorf("ReadFile(%.40q) = %v, want code %d", tc.name, err, tc.read)
		}
		if err := tc.from.WriteFile(t.Context(), tc.name, strings.NewReader("gotcha")); codeOf(err) != tc.write {
			t.Errorf("WriteFile(%.40q) = %v, want code %d", tc.name, err, tc.write)
		}
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
		t.Errorf("outside of the project there is %v, %v", entries, err)
	}
	after, err := os.ReadFile(filepath.Join(folder, "lanyard.db"))
	if err != nil || string(after) != string(before) {
		t.Errorf("the store has changed: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(folder, ".upload-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("refused uploads left %v, %v", left, err)
	}
}

func TestUploadThatEndsEarlyChangesNothing(t *testing.T) {
	c := start(t)
	p := project(t, c)
	n := node(t, p, "PC1")
	for _, to := range []reader{p, n} {
		write(t, to, "file", "whole")
		err := to.WriteFile(t.Context(), "file", io.MultiReader(strings.NewReader("half"), iotest.ErrReader(io.ErrUnexpectedEOF)))
		if codeOf(err) != controller.Invalid {
			t.Errorf("WriteFile that ends early = %v, want Invalid", err)
		}
		if got := read(t, to, "file"); got != "whole" {
			t.Errorf("file = %q, want the whole one", got)
		}
	}
}

// TestScriptOfANode follows the startup script through all the ways to it.
func TestScriptOfANode(t *testing.T) {
	c := start(t)
	p := project(t, c)
	script := "set pcname first\n"
	n, err := p.CreateNode(t.Context(), controller.NodeSpec{Name: "PC1", Type: "vpcs", StartupScript: &script})
	if err != nil {
		t.Fatal(err)
	}
	inProject := "project-files/vpcs/" + n.View().ID + "/startup.vpc"
	same := func(want string) {
		t.Helper()
		for name, got := range map[string]string{
			"node": read(t, n, "startup.vpc"), "project": read(t, p, inProject), "view": *n.View().StartupScript,
		} {
			if got != want {
				t.Errorf("script by way of the %s = %q, want %q", name, got, want)
			}
		}
		list, err := p.ListFiles(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range list {
			found = found || f == controller.ProjectFile{Path: inProject, MD5: sumOf(want)}
		}
		if !found {
			t.Errorf("ListFiles = %v, want the script with its checksum", list)
		}
	}
	same(script) // never started, so it is in the store alone
	write(t, n, "startup.vpc", "set pcname second\n")
	same("set pcname second\n")
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	same("set pcname second\n")
	write(t, p, inProject, "set pcname third\n") // while it runs
	same("set pcname third\n")
	if err := n.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	same("set pcname third\n")
	// What the store has follows: it is used when the file is gone.
	if err := os.Remove(filepath.Join(n.View().Folder, "startup.vpc")); err != nil {
		t.Fatal(err)
	}
	same("set pcname third\n")
	write(t, n, "startup.vpc", "")
	same("")
	for text, want := range map[string]controller.Code{
		"nul \x00": controller.Conflict, strings.Repeat("#", controller.MaxScript+1): controller.TooLarge,
	} {
		if err := n.WriteFile(t.Context(), "startup.vpc", strings.NewReader(text)); codeOf(err) != want {
			t.Errorf("WriteFile of a bad script = %v, want code %d", err, want)
		}
	}
	same("")
	if err := n.WriteFile(t.Context(), "startup.vpc", strings.NewReader("; latin-1: \xfc\n")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, n, "startup.vpc"); got != "; latin-1: \xfc\n" {
		t.Errorf("script in Latin-1 = %q", got)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := n.ReadFile(t.Context(), "startup.vpc"); codeOf(err) != controller.Forbidden {
		t.Errorf("ReadFile of a closed project's node = %v, want Forbidden", err)
	}
	if err := n.WriteFile(t.Context(), "startup.vpc", strings.NewReader("")); codeOf(err) != controller.Forbidden {
		t.Errorf("WriteFile of a closed project's node = %v, want Forbidden", err)
	}
}

func TestFilesInParallel(t *testing.T) {
	c := start(t)
	p := project(t, c)
	n := node(t, p, "PC1")
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			text := fmt.Sprintf("set pcname %d\n", i)
			for range 5 {
				write(t, n, "startup.vpc", text)
				write(t, p, "README.txt", text)
				for _, got := range []string{read(t, n, "startup.vpc"), read(t, p, "README.txt"), *n.View().StartupScript} {
					if len(got) != len(text) || !strings.HasPrefix(got, "set pcname ") {
						t.Errorf("read %q, want what one writer wrote", got)
					}
				}
			}
		})
	}
	all.Wait()
	// However they overlapped, the file and the store agree.
	want := read(t, n, "startup.vpc")
	if err := os.Remove(filepath.Join(n.View().Folder, "startup.vpc")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, n, "startup.vpc"); got != want {
		t.Errorf("the store has %q, the file %q", got, want)
	}
}

func TestImagesAreOpenAsLongAsTheServer(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	if _, err := c.Images().Put(t.Context(), "qemu", "disk.img", strings.NewReader("disk")); err != nil {
		t.Error(err)
	}
	shutdown(t, c)
	if b, err := os.ReadFile(filepath.Join(dir, "images/QEMU/disk.img")); err != nil || string(b) != "disk" {
		t.Errorf("image = %q, %v", b, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := c.Images().List(ctx, "qemu"); codeOf(err) != controller.Unavailable {
		t.Errorf("List after the end = %v, want Unavailable", err)
	}
}
