package api

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"hash/crc32"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// zipped is an archive of the files that headers tell of; each has the text that
// is its comment.
func zipped(t *testing.T, headers ...zip.FileHeader) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, h := range headers {
		text := h.Comment
		h.Comment, h.CompressedSize64 = "", uint64(len(text))
		if h.UncompressedSize64 == 0 {
			h.UncompressedSize64 = h.CompressedSize64
		}
		if h.CRC32 == 0 {
			h.CRC32 = crc32.ChecksumIEEE([]byte(text))
		}
		to, err := w.CreateRaw(&h)
		if err == nil {
			_, err = io.WriteString(to, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestBadArchives refuses archives whole, with a reason.
func TestBadArchives(t *testing.T) {
	l := newLab(t)
	p := "/v2/projects/" + l.create(t, "/v2/projects", `{"name": "lab"}`, "project_id")
	_, whole := l.fetch(t, p+"/export?compression=none")
	in, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	file, err := in.Open("project.gns3")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	project := zip.FileHeader{Name: "project.gns3", Comment: string(text)}
	link, device := zip.FileHeader{Name: "link", Comment: "/etc/passwd"}, zip.FileHeader{Name: "device"}
	link.SetMode(fs.ModeSymlink | 0o777)
	device.SetMode(fs.ModeDevice | 0o666)
	newer := strings.Replace(string(text), `"revision": 9`, `"revision": 99`, 1)
	for _, tc := range []struct {
		name string
		data []byte
		want string
	}{
		{"up", zipped(t, project, zip.FileHeader{Name: "../x"}), "leads elsewhere"},
		{"absolute", zipped(t, project, zip.FileHeader{Name: "/etc/cron.d/x"}), "absolute"},
		{"link", zipped(t, project, link), "a link"},
		{"device", zipped(t, project, device), "a device"},
		{"bomb", zipped(t, project, zip.FileHeader{Name: "x", Method: zip.Deflate, UncompressedSize64: 1 << 40, Comment: "small"}), "made to fill disks"},
		{"wrong checksum", zipped(t, project, zip.FileHeader{Name: "x", Comment: "text", CRC32: 1}), "checksum"},
		{"no project", zipped(t, zip.FileHeader{Name: "x"}), "no project.gns3"},
		{"no JSON", zipped(t, zip.FileHeader{Name: "project.gns3", Comment: "{]"}), "JSON"},
		{"newer", zipped(t, zip.FileHeader{Name: "project.gns3", Comment: newer}), "99"},
		{"half", whole[:len(whole)/2], "cut off"},
		{"nothing", nil, "no ZIP file"},
	} {
		for _, path := range []string{"", "?path=" + filepath.Join(l.dir, "elsewhere")} {
			status, answer := l.send(t, "/v2/projects/"+uuid.NewString()+"/import"+path, tc.data)
			var problem struct{ Message string }
			if err := json.Unmarshal([]byte(answer), &problem); err != nil || status != http.StatusConflict || !strings.Contains(problem.Message, tc.want) {
				t.Errorf("%s: import = %d %s, want 409 with %q", tc.name, status, answer, tc.want)
			}
		}
	}
	var projects []any
	l.ask(t, http.MethodGet, "/v2/projects", "", http.StatusOK, &projects)
	left, err := filepath.Glob(filepath.Join(l.dir, "projects", "*"))
	hidden, hiddenErr := filepath.Glob(filepath.Join(l.dir, ".lanyard-*"))
	if len(projects) != 1 || err != nil || len(left) != 1 || hiddenErr != nil || len(hidden) != 0 {
		t.Errorf("there are %d projects, and the files %v and %v", len(projects), left, hidden)
	}
	if _, err := os.Lstat(filepath.Join(l.dir, "elsewhere")); err == nil {
		t.Error("the folder that the project was to go to is there")
	}
}

// TestLargeArchives exports, imports, snapshots and restores more than may be in
// memory.
func TestLargeArchives(t *testing.T) {
	l := newLab(t)
	id := l.create(t, "/v2/projects", `{"name": "lab"}`, "project_id")
	p := "/v2/projects/" + id
	const size = 48 << 20
	disk := filepath.Join(l.dir, "projects", id, "project-files", "disk")
	if err := os.MkdirAll(filepath.Dir(disk), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(disk, []byte("begin"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(disk, size); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	answer, err := l.Client().Get(l.URL + p + "/export?compression=none")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	other := uuid.NewString()
	imported, err := l.Client().Post(l.URL+"/v2/projects/"+other+"/import", "application/octet-stream", answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	imported.Body.Close()
	if imported.StatusCode != http.StatusCreated {
		t.Fatalf("import = %d", imported.StatusCode)
	}
	l.ask(t, http.MethodPost, "/v2/projects/"+other+"/duplicate", `{"name": "copy"}`, http.StatusCreated, nil)
	snapshot := l.create(t, p+"/snapshots", `{"name": "first"}`, "snapshot_id")
	l.ask(t, http.MethodPost, p+"/snapshots/"+snapshot+"/restore", "", http.StatusCreated, nil)
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > size/2 {
		t.Errorf("%d bytes were allocated for files of %d", used, size)
	}
	for _, one := range []string{id, other} {
		if info, err := os.Stat(filepath.Join(l.dir, "projects", one, "project-files", "disk")); err != nil || info.Size() != size {
			t.Errorf("the disk of project %s: %v, %v", one, info, err)
		}
	}
}
