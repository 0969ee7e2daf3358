package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// FuzzRequests sends bodies to every route that decodes one, on a real lab:
// whatever comes, the answer is a success or an error in words, never a 500.
func FuzzRequests(f *testing.F) {
	l := newLab(f)
	project := l.create(f, "/v2/projects", `{"name": "lab"}`, "project_id")
	vms := "/v2/projects/" + project + "/vms"
	one := l.create(f, vms, `{"name": "PC1", "vm_type": "vpcs"}`, "vm_id")
	two := l.create(f, vms, `{"name": "PC2", "vm_type": "vpcs"}`, "vm_id")
	link := l.create(f, "/v2/projects/"+project+"/links", `{"vms": [{"vm_id": "`+one+`"}, {"vm_id": "`+two+`"}]}`, "link_id")
	drawing := l.create(f, "/v2/projects/"+project+"/drawings", `{}`, "drawing_id")
	table := slices.DeleteFunc(rows(nil, Config{}), func(r route.Row) bool { return r.Request == nil })
	for i := range table {
		for _, body := range []string{
			``, `{}`, `[]`, `{"name": "x", "vm_type": "vpcs", "console": 24500, "startup_script": "echo", "properties": {"mac": 1}}`,
			`{"lport": 25500, "rhost": "127.0.0.1", "rport": 25501, "type": "nio_udp"}`, `{"capture_file_name": "x.pcap", "data_link_type": ""}`,
			`{"vms": [{"vm_id": "` + one + `", "adapter_number": 0, "port_number": 0}, {"vm_id": "` + two + `"}], "suspend": true}`,
			`{"version": "9.8.7", "name": null, "temporary": true, "path": "/", "project_id": ""}`, "\xff", `{"name": "\ud800"}`,
			`{"svg": "<svg><g style='fill:url(#a)'/></svg>", "x": 1, "rotation": 45, "locked": false}`,
		} {
			f.Add(i, body)
		}
	}
	fill := strings.NewReplacer(":project_id", project, ":vm_id", one, ":node_id", one, ":link_id", link, ":drawing_id", drawing, ":adapter", "0", ":port", "0", ":node_type", "vpcs")
	f.Fuzz(func(t *testing.T, i int, body string) {
		if i < 0 || strings.Contains(body, `"path"`) && strings.Contains(body, "/") {
			return // folders all over this machine are not for a fuzzer
		}
		row := table[i%len(table)]
		path := fill.Replace(row.Path)
		r := httptest.NewRequestWithContext(t.Context(), row.Method, path, strings.NewReader(body))
		r.Host = "localhost"
		rec := httptest.NewRecorder()
		l.Config.Handler.ServeHTTP(rec, r)
		var object map[string]any
		if err := json.Unmarshal(rec.Body.Bytes(), &object); err != nil {
			t.Fatalf("%s %s %q = %d %q, which is no JSON object", row.Method, path, body, rec.Code, rec.Body)
		}
		if rec.Code == http.StatusInternalServerError || rec.Code >= 400 && (object["status"] != float64(rec.Code) || object["message"] == "") {
			t.Errorf("%s %s %q = %d %s", row.Method, path, body, rec.Code, rec.Body)
		}
		clean(t, l, row, path, object)
	})
}

// clean deletes what a request made, so that a long run stays small.
func clean(t *testing.T, l *lab, row route.Row, path string, object map[string]any) {
	t.Helper()
	for _, made := range []struct{ suffix, field string }{
		{"/projects", "project_id"}, {"/vms", "vm_id"}, {"/links", "link_id"}, {"/drawings", "drawing_id"}, {"/nodes", "node_id"},
	} {
		id, ok := object[made.field].(string)
		if row.Method == http.MethodPost && ok && strings.HasSuffix(path, made.suffix) {
			l.call(t, http.MethodDelete, path+"/"+id, "")
		}
	}
}
