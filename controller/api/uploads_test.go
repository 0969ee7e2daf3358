package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-lab/lanyard/controller"
)

// ask sends a request and decodes the answer, which must have status want.
func (l *lab) ask(t *testing.T, method, path, body string, want int, into any) {
	t.Helper()
	status, answer := l.call(t, method, path, body)
	if status != want {
		t.Fatalf("%s %s = %d %s, want %d", method, path, status, answer, want)
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			t.Fatalf("%s %s = %s: %v", method, path, answer, err)
		}
	}
}

// TestUploadsAreStreamed sends more than is ever taken for a body of JSON, and
// takes care that it is not kept in memory.
func TestUploadsAreStreamed(t *testing.T) {
	l := newLab(t)
	project := "/v2/projects/" + l.create(t, "/v2/projects", `{"name": "lab"}`, "project_id")
	const size = 48 << 20
	for _, path := range []string{"/v2/compute/qemu/images/big.img", "/v2/computes/local/qemu/images/sub/big.img", project + "/files/big"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.URL+path, io.LimitReader(zeros{}, size)) // chunked
		if err != nil {
			t.Fatal(err)
		}
		answer, err := l.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode >= 300 {
			t.Errorf("POST %s = %d", path, answer.StatusCode)
		}
		answer, err = l.Client().Get(l.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if err != nil || n != size {
			t.Errorf("GET %s has %d bytes, %v, want %d", path, n, err, size)
		}
		if kind := answer.Header.Get("Content-Type"); kind != "application/octet-stream" || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s has Content-Type %q, want bytes that no browser runs", path, kind)
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > size/8 {
			t.Errorf("%s: %d bytes were allocated for %d", path, used, size)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestPartOfAnImage(t *testing.T) {
	l := newLab(t)
	l.ask(t, http.MethodPost, "/v2/compute/qemu/images/disk", "0123456789", http.StatusNoContent, nil)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.URL+"/v2/compute/qemu/images/disk", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Range", "bytes=4-6")
	answer, err := l.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if b, err := io.ReadAll(answer.Body); err != nil || string(b) != "456" || answer.StatusCode != http.StatusPartialContent {
		t.Errorf("bytes 4-6 = %d %q, %v", answer.StatusCode, b, err)
	}
}

// TestFileOverTheLimit announces a file that is too large. It is refused before
// any of it is read.
func TestFileOverTheLimit(t *testing.T) {
	l := newLab(t)
	project := "/v2/projects/" + l.create(t, "/v2/projects", `{"name": "lab"}`, "project_id")
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, project+"/files/big", iotest.ErrReader(errors.New("it was read")))
	request.Host, request.ContentLength = "localhost", controller.MaxFile+1
	answer := httptest.NewRecorder()
	l.Config.Handler.ServeHTTP(answer, request)
	if answer.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("POST of %d bytes = %d %s, want 413", request.ContentLength, answer.Code, answer.Body)
	}
	l.ask(t, http.MethodGet, project+"/files/big", "", http.StatusNotFound, nil)
}

func TestEndpointOfACompute(t *testing.T) {
	l := newLab(t)
	var found struct{ Endpoint string }
	l.ask(t, http.MethodGet, "/v2/computes/endpoint/local/qemu/images/sub/a%20disk%3F.img", "", http.StatusOK, &found)
	if want := l.URL + "/v2/compute/qemu/images/sub/a%20disk%3F.img"; found.Endpoint != want {
		t.Fatalf("endpoint = %s, want %s", found.Endpoint, want)
	}
	l.ask(t, http.MethodPost, strings.TrimPrefix(found.Endpoint, l.URL), "a disk", http.StatusNoContent, nil)
	if b, err := os.ReadFile(filepath.Join(l.dir, "images/QEMU/sub/a disk?.img")); err != nil || string(b) != "a disk" {
		t.Errorf("what was sent there = %q, %v", b, err)
	}
}

// TestListOfFiles asks as a controller elsewhere does, which then asks for each.
func TestListOfFiles(t *testing.T) {
	l := newLab(t)
	id := l.create(t, "/v2/projects", `{"name": "lab"}`, "project_id")
	node := l.create(t, "/v2/projects/"+id+"/nodes", `{"name": "PC1", "node_type": "vpcs", "compute_id": "local", "properties": {"startup_script": "set pcname x"}}`, "node_id")
	l.ask(t, http.MethodPost, "/v2/projects/"+id+"/files/README.txt", "read me", http.StatusCreated, nil)
	files := "/v2/compute/projects/" + id + "/files"
	var list []struct{ Path, MD5Sum string }
	l.ask(t, http.MethodGet, files, "", http.StatusOK, &list)
	texts := map[string]string{}
	for _, f := range list {
		status, text := l.call(t, http.MethodGet, files+"/"+f.Path, "")
		if status != http.StatusOK || len(f.MD5Sum) != 32 {
			t.Errorf("file %+v = %d", f, status)
		}
		if !strings.HasSuffix(f.Path, ".gns3") { // written when it suits the server
			texts[f.Path] = string(text)
		}
	}
	want := map[string]string{"README.txt": "read me", "project-files/vpcs/" + node + "/startup.vpc": "set pcname x"}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("files differ (-want +got):\n%s", diff)
	}
}

// TestQEMUPrograms has a PATH of its own, first without and then with programs.
func TestQEMUPrograms(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	l := newLab(t)
	for _, path := range []string{"/v2/compute", "/v2/computes/local"} {
		var emulators, tools []any
		l.ask(t, http.MethodGet, path+"/qemu/binaries", "", http.StatusOK, &emulators)
		l.ask(t, http.MethodGet, path+"/qemu/img-binaries", "", http.StatusOK, &tools)
		var can struct{ KVM []string }
		l.ask(t, http.MethodGet, path+"/qemu/capabilities", "", http.StatusOK, &can)
		if emulators == nil || len(emulators) != 0 || tools == nil || len(tools) != 0 || can.KVM == nil {
			t.Errorf("binaries = %#v, %#v, capabilities = %#v, want empty lists and a list", emulators, tools, can)
		}
		l.ask(t, http.MethodPost, path+"/qemu/img", `{"path": "a.qcow2", "format": "qcow2", "size": 1}`, http.StatusConflict, nil)
	}
	for name, text := range map[string]string{
		"qemu-system-x86_64": "echo QEMU emulator version 8.2.2",
		"qemu-system-arm":    "echo QEMU emulator version 8.2.2",
		"qemu-img": `case $1 in
--version) echo qemu-img version 8.2.2 ;;
create) while [ $# -gt 2 ]; do shift; done; echo "$2" > "$1" ;;
resize) echo "$5" >> "$4" ;;
esac`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	type binary struct{ Path, Version string }
	one := []binary{{filepath.Join(dir, "qemu-system-arm"), "8.2.2"}}
	for i, side := range []struct {
		path string
		made int
	}{{"/v2/compute", http.StatusCreated}, {"/v2/computes/local", http.StatusOK}} {
		var found []binary
		l.ask(t, http.MethodGet, side.path+"/qemu/binaries", `{"archs": ["arm", "ppc"]}`, http.StatusOK, &found)
		if diff := cmp.Diff(one, found); diff != "" {
			t.Errorf("binaries for arm differ (-want +got):\n%s", diff)
		}
		l.ask(t, http.MethodGet, side.path+"/qemu/binaries?archs=arm,ppc", "", http.StatusOK, &found)
		if diff := cmp.Diff(one, found); diff != "" {
			t.Errorf("binaries for arm differ (-want +got):\n%s", diff)
		}
		name := fmt.Sprintf("sub/disk%d.qcow2", i)
		disk := fmt.Sprintf(`{"qemu_img": "%s/qemu-img", "path": "%s", "format": "qcow2", "size": 100, "cluster_size": 65536, "lazy_refcounts": "on"}`, dir, name)
		l.ask(t, http.MethodPost, side.path+"/qemu/img", disk, side.made, nil)
		l.ask(t, http.MethodPost, side.path+"/qemu/img", disk, http.StatusConflict, nil)
		l.ask(t, http.MethodPut, side.path+"/qemu/img", fmt.Sprintf(`{"qemu_img": "qemu-img", "path": "%s/images/QEMU/%s", "extend": 10}`, l.dir, name), side.made, nil)
		status, text := l.call(t, http.MethodGet, side.path+"/qemu/images/"+name, "")
		if status != http.StatusOK || string(text) != "100M\n+10M\n" {
			t.Errorf("the disk = %d %q, want what qemu-img was told", status, text)
		}
		l.ask(t, http.MethodPut, side.path+"/qemu/img", `{"path": "none", "extend": 10}`, http.StatusNotFound, nil)
		l.ask(t, http.MethodPut, side.path+"/qemu/img", `{"path": "`+name+`", "extend": -10}`, http.StatusConflict, nil)
		l.ask(t, http.MethodPost, side.path+"/qemu/img", `{"path": "/etc/x", "format": "raw", "size": 1}`, http.StatusForbidden, nil)
		l.ask(t, http.MethodPost, side.path+"/qemu/img", `{"path": "x", "format": "raw", "size": 1, "qemu_img": "/bin/sh"}`, http.StatusForbidden, nil)
		l.ask(t, http.MethodPost, side.path+"/qemu/img", `{"path": "x", "format": "raw", "size": "1"}`, http.StatusBadRequest, nil)
	}
}
