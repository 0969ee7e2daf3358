package controller_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/controller"
)

// put writes files below a folder.
func put(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	oldProject = "0c1d2e3f-4051-4627-8384-95a6b7c8d9e0"
	oldPC      = "1c1d2e3f-4051-4627-8384-95a6b7c8d9e0"
)

// oldLab is a project file of GNS3 1.5 with one virtual PC.
func oldLab(pc string) string {
	return `{"name": "old", "project_id": "` + oldProject + `", "type": "topology", "revision": 4, "version": "1.5.2", "topology": {
		"servers": [{"id": 1, "local": true, "host": "127.0.0.1", "port": 3080}],
		"nodes": [{"id": 1, "type": "VPCSDevice", "server_id": 1, "vm_id": "` + oldPC + `", "x": 1.5, "y": 2, "label": {"text": "` + pc + `", "x": 3.25, "y": -25},
			"ports": [{"id": 1, "name": "Ethernet0", "adapter_number": 0, "port_number": 0}], "properties": {"name": "` + pc + `", "startup_script_path": "startup.vpc"}}]}}`
}

// GNS3 1.x kept snapshots as folders.
func TestSnapshotsOfOldProjects(t *testing.T) {
	c := start(t)
	folder := filepath.Join(t.TempDir(), "old")
	const script, snapshots = "project-files/vpcs/" + oldPC + "/startup.vpc", "project-files/snapshots/"
	put(t, folder, map[string]string{
		"old.gns3": oldLab("PC1"), script: "set pcname PC1\n",
		snapshots + "begin_280716_174116/state.gns3": oldLab("PC9"), snapshots + "begin_280716_174116/" + script: "set pcname PC9\n",
		snapshots + "begin_280716_174116/screenshot.png": "a picture", snapshots + "none_280716_174116/notes.txt": "no lab",
	})
	p, err := c.LoadProject(t.Context(), filepath.Join(folder, "old.gns3"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := p.Snapshots()
	taken := time.Date(2016, 7, 28, 17, 41, 16, 0, time.Local)
	if err != nil || len(list) != 1 || list[0].Name != "begin" || !list[0].CreatedAt.Equal(taken) {
		t.Fatalf("Snapshots() = %v, %v, want begin of %v", list, err, taken)
	}
	if _, err := os.Stat(filepath.Join(folder, snapshots+"begin_280716_174116")); !os.IsNotExist(err) {
		t.Errorf("the folder of the snapshot is there twice: %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, snapshots+"none_280716_174116/notes.txt")); err != nil {
		t.Errorf("a folder that is no snapshot is gone: %v", err)
	}
	if n := p.Nodes()[0]; n.Name != "PC1" {
		t.Errorf("the node is %s before the snapshot is restored, want PC1", n.Name)
	}
	restore(t, p, list[0])
	if n := p.Nodes()[0]; n.Name != "PC9" || n.ID != oldPC {
		t.Errorf("the snapshot has the node %s %s, want PC9 %s", n.Name, n.ID, oldPC)
	}
	if text, err := os.ReadFile(filepath.Join(folder, script)); err != nil || !strings.Contains(string(text), "PC9") {
		t.Errorf("the script of the snapshot is %q, %v", text, err)
	}
}

// GNS3 takes ids of nodes in upper case, and names their folders so.
func TestFoldersInUpperCaseAreFound(t *testing.T) {
	c := start(t)
	folder := filepath.Join(t.TempDir(), "upper")
	upper := strings.ToUpper(oldPC)
	put(t, folder, map[string]string{
		"upper.gns3": `{"name": "upper", "project_id": "` + oldProject + `", "type": "topology", "revision": 9, "version": "2.2.0", "topology": {
			"computes": [], "drawings": [], "links": [], "nodes": [{"node_id": "` + upper + `", "name": "PC1", "node_type": "vpcs", "compute_id": "local"}]}}`,
		"project-files/vpcs/" + upper + "/startup.vpc": "set pcname PC7\n",
	})
	p, err := c.LoadProject(t.Context(), filepath.Join(folder, "upper.gns3"))
	if err != nil {
		t.Fatal(err)
	}
	if script := scriptOf(p); !strings.Contains(script, "PC7") {
		t.Errorf("the script of the node is %q, want that of its folder", script)
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "*.backup*")); len(left) != 0 {
		t.Errorf("a file of this revision was kept as %q", left)
	}
}

// scriptOf is the startup script of the first node.
func scriptOf(p *controller.Project) string {
	if script := p.Nodes()[0].StartupScript; script != nil {
		return *script
	}
	return ""
}
