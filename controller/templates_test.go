package controller_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/controller"
)

func template(t *testing.T, c *controller.Controller, text string) controller.Template {
	t.Helper()
	made, err := c.CreateTemplate(t.Context(), fields(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func fields(t *testing.T, text string) controller.Template {
	t.Helper()
	var out controller.Template
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestTemplatesAreToldOfAndKept changes templates, and opens the folder again.
func TestTemplatesAreToldOfAndKept(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	since := c.Events().Last()
	made := template(t, c, `{"template_type": "vpcs", "name": "b"}`)
	if _, err := c.UpdateTemplate(t.Context(), made.ID(), fields(t, `{"name": "B"}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.UpdateTemplate(t.Context(), made.ID(), fields(t, `{"name": "B"}`)); err != nil {
		t.Fatal(err)
	}
	twin, err := c.DuplicateTemplate(t.Context(), made.ID())
	if err != nil || twin.ID() == made.ID() || twin.Text("name") != "B" {
		t.Fatalf("DuplicateTemplate() = %v, %v", twin, err)
	}
	if err := c.DeleteTemplate(t.Context(), twin.ID()); err != nil {
		t.Fatal(err)
	}
	template(t, c, `{"template_type": "cloud", "name": "a"}`)

	events, err := c.Events().Subscribe("", &since)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, want := range []struct{ action, name, id string }{
		{"template.created", "b", made.ID()}, {"template.updated", "B", made.ID()}, // the second change changed nothing
		{"template.created", "B", twin.ID()}, {"template.deleted", "B", twin.ID()}, {"template.created", "a", ""},
	} {
		e, err := events.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		data, ok := e.Data.(controller.Template)
		if !ok || e.Action != want.action || data.Text("name") != want.name || want.id != "" && data.ID() != want.id {
			t.Errorf("event %s of %v, want %s of %s", e.Action, e.Data, want.action, want.name)
		}
	}

	before := names(c)
	shutdown(t, c)
	again := open(t, dir)
	defer shutdown(t, again)
	if after := names(again); !slices.Equal(before, after) || !slices.Equal(after[:2], []string{"a", "B"}) || len(after) != 9 {
		t.Errorf("Templates() = %q, then %q, want a, B and the built-in ones", before, after)
	}
}

func names(c *controller.Controller) []string {
	var all []string
	for _, t := range c.Templates() {
		all = append(all, t.Text("name"))
	}
	return all
}

// TestScriptsOfTemplates makes virtual PCs from templates with files.
func TestScriptsOfTemplates(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	defer shutdown(t, c)
	configs := filepath.Join(dir, "configs")
	if err := os.MkdirAll(filepath.Join(configs, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"mine.txt": "ip dhcp\n", "large.txt": strings.Repeat("x", 1<<20)} {
		if err := os.WriteFile(filepath.Join(configs, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(configs, "escape")); err != nil {
		t.Fatal(err)
	}
	p := project(t, c)
	for _, tc := range []struct {
		file, want string
		code       controller.Code
	}{
		{"vpcs_base_config.txt", "set pcname %h\n", -1}, {"mine.txt", "ip dhcp\n", -1}, {"missing.txt", "", -1}, {"", "", -1},
		{"/home/me/GNS3/configs/mine.txt", "ip dhcp\n", -1}, {"/etc/passwd", "", -1}, {"../../etc/passwd", "", -1},
		{"large.txt", "", controller.Conflict}, {"folder", "", controller.Conflict}, {"escape", "", controller.Conflict}, {"..", "", controller.Invalid},
	} {
		made := template(t, c, `{"template_type": "vpcs", "name": "PC", "base_script_file": "`+tc.file+`"}`)
		n, err := p.CreateFromTemplate(t.Context(), made.ID(), controller.TemplateUse{})
		if code := codeOf(err); code != tc.code || (err == nil) != (tc.code == -1) {
			t.Errorf("a node with the script %q: %v, want code %d", tc.file, err, tc.code)
			continue
		}
		if err != nil {
			continue
		}
		got := ""
		if script := n.View().StartupScript; script != nil {
			got = *script
		}
		if got != tc.want {
			t.Errorf("the script of %q is %q, want %q", tc.file, got, tc.want)
		}
	}
}

// TestTemplatesInParallel changes, copies and lists one template at once.
func TestTemplatesInParallel(t *testing.T) {
	c := start(t)
	id := template(t, c, `{"template_type": "qemu", "name": "a"}`).ID()
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			field := []string{"hda_disk_image", "hdb_disk_image", "hdc_disk_image", "hdd_disk_image"}[i]
			if _, err := c.UpdateTemplate(t.Context(), id, fields(t, `{"`+field+`": "x"}`)); err != nil {
				t.Error(err)
			}
			if _, err := c.DuplicateTemplate(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			if _, err := json.Marshal(c.Templates()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	now, err := c.Template(id)
	if err != nil {
		t.Fatal(err)
	}
	for _, drive := range []string{"hda", "hdb", "hdc", "hdd"} {
		if now.Text(drive+"_disk_image") != "x" {
			t.Errorf("the change of %s is lost", drive)
		}
	}
	if got := len(names(c)); got != 5+7 {
		t.Errorf("there are %d templates, want 5 and the built-in ones", got)
	}
}

// TestTemplateForAnUnknownCompute keeps a template of GNS3's virtual machine,
// which is not here.
func TestTemplateForAnUnknownCompute(t *testing.T) {
	c := start(t)
	p := project(t, c)
	made := template(t, c, `{"template_type": "vpcs", "name": "PC", "compute_id": "vm"}`)
	if got := made.Text("compute_id"); got != "vm" {
		t.Errorf("the template is for %q, want vm", got)
	}
	_, err := p.CreateFromTemplate(t.Context(), made.ID(), controller.TemplateUse{})
	if codeOf(err) != controller.NotFound || !strings.Contains(err.Error(), "vm") {
		t.Errorf("CreateFromTemplate() = %v, want that there is no compute vm", err)
	}
	if got := p.Nodes(); len(got) != 0 {
		t.Errorf("nodes after the refusal: %v", got)
	}
}
