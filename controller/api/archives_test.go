package api

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// send posts bytes and returns the answer.
func (l *lab) send(t *testing.T, path string, data []byte) (int, string) {
	t.Helper()
	answer, err := l.Client().Post(l.URL+path, "application/octet-stream", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// fetch gets bytes.
func (l *lab) fetch(t *testing.T, path string) (*http.Response, []byte) {
	t.Helper()
	answer, err := l.Client().Get(l.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, data
}

// TestArchives exports a project and imports it again, as clients do.
func TestArchives(t *testing.T) {
	l := newLab(t)
	p := "/v2/projects/" + l.create(t, "/v2/projects", `{"name": "Übung \"1\""}`, "project_id")
	node := l.create(t, p+"/nodes", `{"name": "PC1", "node_type": "vpcs", "compute_id": "local"}`, "node_id")
	answer, data := l.fetch(t, p+"/export?include_images=no&compression=none")
	kind, about, err := mime.ParseMediaType(answer.Header.Get("Content-Disposition"))
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "application/gns3project" || err != nil || kind != "attachment" || about["filename"] != `Übung "1".gns3project` {
		t.Errorf("export = %d %v", answer.StatusCode, answer.Header)
	}
	id := uuid.NewString()
	status, text := l.send(t, "/v2/projects/"+id+"/import?name="+url.QueryEscape("there & back"), data)
	if status != http.StatusCreated || !strings.Contains(text, `"status": "closed"`) || !strings.Contains(text, "there & back") {
		t.Fatalf("import = %d %s", status, text)
	}
	var nodes []struct {
		NodeID string `json:"node_id"`
		Name   string `json:"name"`
	}
	l.ask(t, http.MethodPost, "/v2/projects/"+id+"/open", "", http.StatusCreated, nil)
	l.ask(t, http.MethodGet, "/v2/projects/"+id+"/nodes", "", http.StatusOK, &nodes)
	if len(nodes) != 1 || nodes[0].Name != "PC1" || nodes[0].NodeID == node {
		t.Errorf("the imported project has %v, want a PC1 with an id of its own", nodes)
	}
	l.ask(t, http.MethodPost, p+"/nodes/"+node+"/start", "", http.StatusOK, nil)
	for _, tc := range []struct {
		name, path string
		want       int
		say        string
	}{
		{"running", p + "/export", http.StatusConflict, "PC1 is started"},
		{"unknown compression", "/v2/projects/" + id + "/export?compression=rar", http.StatusBadRequest, "zstd"},
		{"no yes", "/v2/projects/" + id + "/export?include_images=perhaps", http.StatusBadRequest, "include_images"},
		{"no level", "/v2/projects/" + id + "/export?compression_level=high", http.StatusBadRequest, "integer"},
		{"unknown project", "/v2/projects/" + uuid.NewString() + "/export", http.StatusNotFound, "no project"},
	} {
		if answer, text := l.fetch(t, tc.path); answer.StatusCode != tc.want || !strings.Contains(string(text), tc.say) || answer.Header.Get("Content-Disposition") != "" {
			t.Errorf("export, %s = %d %s, want %d with %q", tc.name, answer.StatusCode, text, tc.want, tc.say)
		}
	}
	for _, tc := range []struct {
		name, path string
		data       []byte
		want       int
		say        string
	}{
		{"no archive", uuid.NewString() + "/import", []byte("{}"), http.StatusConflict, "archive"},
		{"truncated", uuid.NewString() + "/import", data[:len(data)-30], http.StatusConflict, "archive"},
		{"known id", id + "/import", data, http.StatusConflict, "exists"},
		{"no id", "here/import", data, http.StatusBadRequest, "UUID"},
		{"no name", uuid.NewString() + "/import?name=%01", data, http.StatusBadRequest, "control character"},
		{"no absolute path", uuid.NewString() + "/import?path=lab", data, http.StatusBadRequest, "absolute"},
	} {
		if status, text := l.send(t, "/v2/projects/"+tc.path, tc.data); status != tc.want || !strings.Contains(text, tc.say) {
			t.Errorf("import, %s = %d %s, want %d with %q", tc.name, status, text, tc.want, tc.say)
		}
	}
	l.ask(t, http.MethodPost, p+"/duplicate", `{"name": "copy"}`, http.StatusConflict, nil)
	l.ask(t, http.MethodPost, p+"/duplicate", `{}`, http.StatusBadRequest, nil)
	l.ask(t, http.MethodPost, "/v2/projects/"+id+"/duplicate", `{"name": "copy", "reset_mac_addresses": true}`, http.StatusCreated, nil)
}

// TestLoad opens project files that are anywhere on the disk.
func TestLoad(t *testing.T) {
	l := newLab(t)
	folder := filepath.Join(t.TempDir(), "lab")
	var made struct {
		ProjectID string `json:"project_id"`
		Filename  string `json:"filename"`
	}
	l.ask(t, http.MethodPost, "/v2/projects", `{"name": "lab", "path": "`+folder+`"}`, http.StatusCreated, &made)
	l.ask(t, http.MethodPost, "/v2/projects/"+made.ProjectID+"/close", "", http.StatusNoContent, nil)
	file := filepath.Join(folder, made.Filename)
	l.ask(t, http.MethodPost, "/v2/projects/load", `{"path": "`+file+`"}`, http.StatusCreated, &made)
	for _, tc := range []struct {
		body string
		want int
	}{
		{`{}`, http.StatusBadRequest},
		{`{"path": "lab.gns3"}`, http.StatusBadRequest},
		{`{"path": "/etc/passwd"}`, http.StatusConflict},
		{`{"path": "` + folder + `x/none.gns3"}`, http.StatusNotFound},
		{`{"path": "/tmp/../tmp/a.gns3"}`, http.StatusBadRequest},
	} {
		l.ask(t, http.MethodPost, "/v2/projects/load", tc.body, tc.want, nil)
	}
}
