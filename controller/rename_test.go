package controller_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lanyard-lab/lanyard/controller"
)

func TestRenameReachesTheScript(t *testing.T) {
	c := start(t)
	p := project(t, c)
	script := "set pcname PC1\nip 10.0.0.1/24\n"
	n, err := p.CreateNode(t.Context(), controller.NodeSpec{Name: "PC1", Type: "vpcs", StartupScript: &script})
	if err != nil {
		t.Fatal(err)
	}
	rename := func(name string, given *string) {
		t.Helper()
		if err := n.Update(t.Context(), controller.NodePatch{Name: &name, StartupScript: given}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want string) {
		t.Helper()
		if got := n.View().StartupScript; got == nil || *got != want {
			t.Fatalf("the script is %q, want %q", *got, want)
		}
	}

	rename("PC2", nil) // stored only
	check("set pcname PC2\nip 10.0.0.1/24\n")

	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(n.View().Folder, "startup.vpc")
	if err := os.WriteFile(file, []byte("set pcname PC2\r\nip 10.0.0.9/24\r\n"), 0o640); err != nil { // as "save" does
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"PC3", "PC4", "PC5"} { // of one length, within one tick of the file system's clock
		rename(name, nil)
		check("set pcname " + name + "\r\nip 10.0.0.9/24\r\n")
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the file is %v, %v", info, err)
	}
	if files, err := filepath.Glob(filepath.Join(n.View().Folder, ".startup*")); err != nil || len(files) > 0 {
		t.Errorf("%v is left", files)
	}

	now := n.View().StartupScript
	rename("PC6", now) // a client that sends everything back
	check("set pcname PC6\r\nip 10.0.0.9/24\r\n")
	own := "set pcname mine\n"
	rename("PC7", &own)
	check(own)
}

// A script file that leads out of the node's folder is not followed.
func TestRenameLeavesLinksAlone(t *testing.T) {
	c := start(t)
	n := node(t, project(t, c), "PC1")
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("set pcname PC1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(n.View().Folder, "startup.vpc")); err != nil {
		t.Fatal(err)
	}
	name := "PC2"
	if err := n.Update(t.Context(), controller.NodePatch{Name: &name}); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(outside); err != nil || string(b) != "set pcname PC1\n" {
		t.Errorf("the file outside is %q, %v", b, err)
	}
}
