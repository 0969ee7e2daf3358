package controller_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lanyard-lab/lanyard/controller"
)

func TestDebugReport(t *testing.T) {
	c := start(t)
	p := project(t, c)
	node(t, p, "PC1")
	if err := p.StartAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.AddCompute(t.Context(), "", remote("rack", "192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.SetIOULicense(t.Context(), func(v *controller.IOULicense) { v.Content = "secret-word" }); err != nil {
		t.Fatal(err)
	}
	c.Events().Publish("", "log.warning", controller.LogRecord{
		Message: "the moon\nis full", Attrs: map[string]any{"phase": 4},
	})
	report := string(c.DebugReport("lanyard 1.2.3"))
	for _, want := range []string{
		"program: lanyard 1.2.3\n", "goroutines: ", "console", "1 projects, 1 of them open, with 1 nodes and 0 links; 2 computes\n",
		"1 vpcs started", "runner started ", ` warning the moon is full phase="4"` + "\n",
	} {
		if !strings.Contains(report, want) {
			t.Errorf("the report does not hold %q:\n%s", want, report)
		}
	}
	if strings.Contains(report, "secret-word") {
		t.Errorf("the report tells a secret:\n%s", report)
	}
}

// TestDebugReportOfManyEvents has more events than are searched for the log.
func TestDebugReportOfManyEvents(t *testing.T) {
	c := start(t)
	for i := range 30_000 {
		c.Events().Publish("", "log.info", controller.LogRecord{Message: fmt.Sprint("line ", i)})
	}
	report := string(c.DebugReport("lanyard"))
	if !strings.Contains(report, " line 29999\n") || !strings.Contains(report, " line 29500\n") || strings.Contains(report, " line 29499\n") {
		t.Errorf("the report does not hold the last 500 lines of the log: %d bytes", len(report))
	}
}

func TestDebugReportsAreKeptForAWhile(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	defer shutdown(t, c)
	var paths []string
	for range 22 {
		path, err := c.SaveDebugReport("lanyard")
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	kept, err := os.ReadDir(filepath.Join(dir, "debug"))
	if err != nil || len(kept) != 20 || kept[19].Name() != filepath.Base(paths[21]) {
		t.Errorf("%d reports are kept, %v, want the last 20", len(kept), err)
	}
	info, err := os.Stat(paths[21])
	if err != nil || info.Mode() != 0o600 || info.Size() < 200 {
		t.Errorf("the last report: %v, %v, want a file that only its owner reads", info, err)
	}
}

// TestReloadOpensWhatWasPutRight damages a project's store, and repairs it.
func TestReloadOpensWhatWasPutRight(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	p := project(t, c)
	id, file := p.View().ID, filepath.Join(p.View().Path, "lanyard.db")
	shutdown(t, c)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("this is no store, and was never one"), 0o600); err != nil {
		t.Fatal(err)
	}
	c = open(t, dir)
	defer shutdown(t, c)
	p, err = c.Project(id)
	if err != nil || p.View().Problem == "" {
		t.Fatalf("Project() = %+v, %v, want one that is quarantined", p.View(), err)
	}
	if err := c.Reload(t.Context()); err != nil || p.View().Open {
		t.Errorf("Reload() = %v, open %v, want it to stay as it is", err, p.View().Open)
	}
	if err := os.WriteFile(file, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Reload(t.Context()); err != nil || !p.View().Open || p.View().Problem != "" {
		t.Errorf("Reload() = %v, project %+v, want it open", err, p.View())
	}
}
