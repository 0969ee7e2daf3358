package tests

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// slowVPCS is a vpcs that waits for a file before it begins: its start hangs.
type slowVPCS struct{ path, gate string }

func newSlowVPCS(t *testing.T) slowVPCS {
	t.Helper()
	real := need(t, "vpcs")
	folder := t.TempDir()
	v := slowVPCS{filepath.Join(folder, "vpcs"), filepath.Join(folder, "gate")}
	text := fmt.Sprintf("#!/bin/sh\n[ \"$1\" = -v ] && exec %[1]s -v\nuntil [ -e %[2]s ]; do sleep 0.05; done\nexec %[1]s \"$@\"\n", real, v.gate)
	if err := os.WriteFile(v.path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return v
}

// open lets starts go on.
func (v slowVPCS) open(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(v.gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// hangs waits until a start hangs, and returns its process, which becomes the
// real vpcs in the end.
func (v slowVPCS) hangs(t *testing.T, s *server) (found process) {
	t.Helper()
	eventually(t, patience, func() error {
		all := processes(t, s.dir)
		at := slices.IndexFunc(all, v.isIt)
		if at < 0 {
			return fmt.Errorf("no start hangs; these run: %v", all)
		}
		found = all[at]
		return nil
	})
	return found
}

// isIt tells a start that hangs from the question for the version.
func (v slowVPCS) isIt(p process) bool {
	return len(p.args) > 2 && p.args[1] == v.path && p.args[2] != "-v"
}

// newVM makes a vm of an emulator and returns the address of it.
func (s *server) newVM(t *testing.T, project, emulator string) string {
	t.Helper()
	body := fmt.Sprintf(`{"name": "a %s", "vm_type": "vpcs", "emulator": %q}`, emulator, emulator)
	vm := s.must(t, http.StatusCreated, "POST", "/v2/projects/"+project+"/vms", body)
	return "/v2/projects/" + project + "/vms/" + vm["vm_id"].(string)
}

// answer is what came back for a request that was sent aside.
type answer struct {
	status int
	text   string
	err    error
}

// aside sends a request and does not wait for its answer.
func (s *server) aside(method, path string) <-chan answer {
	came := make(chan answer, 1)
	go func() {
		status, text, err := s.try(method, path, "")
		came <- answer{status, text, err}
	}()
	return came
}

// TestStopOvertakesAStart that hangs. Meanwhile the rest does not wait.
func TestStopOvertakesAStart(t *testing.T) {
	for _, verb := range []string{"stop", "delete"} {
		t.Run(verb, func(t *testing.T) {
			slow := newSlowVPCS(t)
			s := newServer(t, "--vpcs-path", slow.path)
			project := s.must(t, http.StatusCreated, "POST", "/v2/projects", `{"name": "slow"}`)["project_id"].(string)
			hanging, other := s.newVM(t, project, "vpcs"), s.newVM(t, project, "pc")
			started := s.aside("POST", hanging+"/start")
			slow.hangs(t, s)

			begin := time.Now()
			s.must(t, http.StatusOK, "GET", hanging, "")
			s.must(t, http.StatusNoContent, "POST", other+"/start", "")
			s.must(t, http.StatusNoContent, "POST", other+"/stop", "")
			if verb == "stop" {
				s.must(t, http.StatusNoContent, "POST", hanging+"/stop", "")
			} else {
				s.must(t, http.StatusNoContent, "DELETE", hanging, "")
			}
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("all that took %v", took)
			}
			if got := <-started; got.err != nil || got.status != http.StatusConflict {
				t.Errorf("the start that was overtaken = %+v, want 409", got)
			}
			if left := slices.DeleteFunc(processes(t, s.dir), func(p process) bool { return !slow.isIt(p) }); len(left) > 0 {
				t.Errorf("processes of the start are left: %v", left)
			}
			if verb == "stop" {
				slow.open(t)
				s.must(t, http.StatusNoContent, "POST", hanging+"/start", "")
			}
		})
	}
}

// TestClientHangsUp and what it began goes on. Another start of the same vm
// waits for it, and then has nothing to do.
func TestClientHangsUp(t *testing.T) {
	slow := newSlowVPCS(t)
	s := newServer(t, "--vpcs-path", slow.path)
	project := s.must(t, http.StatusCreated, "POST", "/v2/projects", `{"name": "slow"}`)["project_id"].(string)
	vm := s.newVM(t, project, "vpcs")
	ctx, hangUp := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+vm+"/start", nil)
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() {
		answer, err := s.http.Do(request)
		if err == nil {
			answer.Body.Close()
		}
		gone <- err
	}()
	begun := slow.hangs(t, s)
	second := s.aside("POST", vm+"/start")
	hangUp()
	if err := <-gone; err == nil {
		t.Fatal("the start did not hang")
	}
	if status, err := s.status(project, filepath.Base(vm)); err != nil || !strings.HasPrefix(status, "stopped") {
		t.Errorf("status of what is being started = %q, %v", status, err)
	}
	slow.open(t)
	if got := <-second; got.err != nil || got.status != http.StatusNoContent {
		t.Errorf("the second start = %+v, want 204", got)
	}
	if status, err := s.status(project, filepath.Base(vm)); err != nil || status != "started" {
		t.Errorf("status = %q, %v, want started", status, err)
	}
	if got := vpcsOf(t, s.dir); len(got) != 1 || got[0].pid != begun.pid {
		t.Errorf("real vpcs: %v, want that of the first start, %v", got, begun)
	}
}
