package api

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// asForm is a file as the only part of a form, and the type of the form.
func asForm(t *testing.T, data []byte) (body []byte, kind string) {
	t.Helper()
	var out bytes.Buffer
	form := multipart.NewWriter(&out)
	part, err := form.CreateFormFile("file", "lab.gns3project")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), form.FormDataContentType()
}

// TestImportForm imports a project from a form, which is how GNS3's web client
// uploads one.
func TestImportForm(t *testing.T) {
	l := newLab(t)
	p := "/v2/projects/" + l.create(t, "/v2/projects", `{"name": "lab"}`, "project_id")
	l.create(t, p+"/nodes", `{"name": "PC1", "node_type": "vpcs", "compute_id": "local"}`, "node_id")
	_, data := l.fetch(t, p+"/export?compression=lzma&compression_level=%20")
	body, kind := asForm(t, data)
	for _, tc := range []struct {
		name, kind string
		body       []byte
		want       int
		say        string
	}{
		{"a form", kind, body, http.StatusCreated, `"name": "web"`},
		{"cut off", kind, body[:len(body)-100], http.StatusBadRequest, "ended early"},
		{"no file", kind, []byte("--" + strings.TrimPrefix(kind, "multipart/form-data; boundary=") + "--\r\n"), http.StatusBadRequest, "cannot find a file"},
		{"no boundary", "multipart/form-data", body, http.StatusBadRequest, "cannot read the form"},
		{"no form", "application/octet-stream", body, http.StatusConflict, "archive"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			answer, err := l.Client().Post(l.URL+"/v2/projects/"+uuid.NewString()+"/import?name=web", tc.kind, bytes.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != tc.want || !strings.Contains(string(text), tc.say) {
				t.Errorf("import = %d %s %v, want %d with %q", answer.StatusCode, text, err, tc.want, tc.say)
			}
		})
	}
}
