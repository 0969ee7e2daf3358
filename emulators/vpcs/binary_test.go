package vpcs

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWrongBinaries(t *testing.T) {
	dir := t.TempDir()
	program := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	vpcs := func(v string) string {
		return "#!/bin/sh\necho; echo 'Welcome to Virtual PC Simulator, version " + v + "'\n"
	}
	for _, tc := range []struct{ name, path, want string }{
		{"missing", filepath.Join(dir, "none"), "there is no vpcs at"},
		{"missing in PATH", "no-such-vpcs", "there is no vpcs at"},
		{"folder", dir, "is not an executable file|there is no vpcs"},
		{"not executable", program("plain", vpcs("0.8.3"), 0o600), "is not an executable file"},
		{"not a program", program("garbage", "\x00\x01\x02", 0o700), "cannot be run: exec format error"},
		{"something else", program("other", "#!/bin/sh\necho hello; exit 0\n", 0o700), "is not a vpcs"},
		{"silent", program("silent", "#!/bin/sh\nexit 0\n", 0o700), "is not a vpcs"},
		{"endless", program("endless", "#!/bin/sh\nwhile :; do echo yes; done\n", 0o700), "is not a vpcs"},
		{"hanging", program("hanging", "#!/bin/sh\nsleep 1000 & sleep 1000\n", 0o700), "does not tell a version within 2s"},
		{"old", program("old", vpcs("0.4b2"), 0o700), "vpcs 0.4 is too old, 0.5 or newer is needed"},
		{"ends at once", program("ends", vpcs("0.8.3")+"echo last words\n", 0o700), "ended before it showed a prompt; the end of its console:\n(?s:.*)last words"},
		{"fails", program("fails", vpcs("0.8.3")+"exit 3\n", 0o700), "vpcs ended with exit status 3"},
		{"gets -R", program("new", vpcs("0.8b")+"echo $@\n", 0o700), "-i 1 -m 1 -R -s "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, _ := spec(t, freePort(t), freePort(t), 1)
			e := New(tc.path)
			_, err := e.Start(t.Context(), s)
			if err == nil || !regexp.MustCompile(tc.want).MatchString(err.Error()) {
				t.Errorf("Start = %v, want %q", err, tc.want)
			}
		})
	}
}

func TestProbeOncePerBinary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vpcs")
	write := func(v string) {
		text := "#!/bin/sh\necho x >> " + path + ".count\necho 'Welcome to Virtual PC Simulator, version " + v + "'\n"
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	count := func() int {
		b, err := os.ReadFile(path + ".count")
		if err != nil {
			t.Fatal(err)
		}
		return len(b) / 2
	}
	s, _ := spec(t, freePort(t), freePort(t), 1)
	e := New(path)
	for _, step := range []struct {
		version string
		ok      bool
		count   int
	}{{"0.8.3", true, 1}, {"0.8.3", true, 1}, {"0.4", false, 2}} {
		if step.version != "0.8.3" || step.count == 1 && !exists(path) {
			write(step.version)
		}
		if err := e.Check(t.Context(), s); (err == nil) != step.ok || count() != step.count {
			t.Errorf("Check of %s = %v after %d probes, want %d", step.version, err, count(), step.count)
		}
	}
}

func exists(path string) bool { return unix.Access(path, unix.F_OK) == nil }
