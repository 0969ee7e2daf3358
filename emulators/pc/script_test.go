package pc

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// FuzzScript runs any startup script, followed by any input.
func FuzzScript(f *testing.F) {
	f.Add("set pcname x\nip 10.1.1.1/24\n@show\nping 10.1.1.2 -c 1\n", "show ip\r")
	f.Add("load startup\r\nsave\nset dump all raw file\ntrace 1\n\"", "q\r")
	f.Add("set echo color red yellow\necho x\nsleep\n3\nip dhcp -d\n", "\x03\x1b[A\r")
	f.Fuzz(func(t *testing.T, script, input string) {
		if len(script) > 2000 || len(input) > 2000 {
			t.Skip()
		}
		synctest.Test(t, func(t *testing.T) {
			s := startFuzzed(t, script)
			s.typeIn(input)
			synctest.Wait()
			s.typeIn("\x03\x03\r")
			time.Sleep(time.Second)
			s.typeIn("\x03")
			synctest.Wait()
			if out := s.screen.take(); strings.Contains(out, "Internal error") {
				t.Fatalf("the PC crashed: %q", out)
			}
			if err := s.group.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
	})
}

// startFuzzed starts a PC with a script and stops what does not end within a minute.
func startFuzzed(t *testing.T, script string) *session {
	t.Helper()
	s := &session{t: t, screen: &screenOf{}, folder: t.TempDir()}
	if err := writeFile(s.folder, startupFile, []byte(script)); err != nil {
		t.Fatal(err)
	}
	g, err := NewGroup(GroupConfig{Folder: s.folder, Console: s.screen, PCs: []Config{{MAC: []byte{0, 0x50, 0x79, 0x66, 0x68, 1}}}})
	if err != nil {
		t.Fatal(err)
	}
	s.group = g
	synctest.Wait()
	time.Sleep(time.Minute)
	s.typeIn("\x03")
	synctest.Wait()
	return s
}
