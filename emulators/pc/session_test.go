package pc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
)

// screenOf collects console output.
type screenOf struct {
	mu      sync.Mutex
	out     bytes.Buffer
	hangUps int
}

func (s *screenOf) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

func (s *screenOf) HangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangUps++
}

// take returns what was written since the last call.
func (s *screenOf) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.out.String()
	s.out.Reset()
	return text
}

// session is a PC with its console, in a synctest bubble.
type session struct {
	t      *testing.T
	group  *Group
	screen *screenOf
	folder string
}

// startPC starts a PC called name on a wire, with files in its folder.
func startPC(t *testing.T, name, mac string, wire nio.NIO, files map[string]string) *session {
	t.Helper()
	s := &session{t: t, screen: &screenOf{}, folder: t.TempDir()}
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(s.folder, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	properties, _ := json.Marshal(Properties{MAC: mac, LPort: 42001, RPort: 41001})
	spec := emulators.Spec{Name: name, Folder: s.folder, Properties: properties, Console: s.screen,
		Jacks: []emulators.Jack{{NIO: wire}}}
	if wire == nil {
		spec.Jacks = nil
	}
	instance, err := New().Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	s.group = instance.(*Group)
	t.Cleanup(func() {
		if err := s.group.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	s.ready()
	return s
}

// ready waits until the prompt waits for input, in virtual time.
func (s *session) ready() {
	s.t.Helper()
	for range 120_000 {
		synctest.Wait()
		s.group.mu.Lock()
		running := s.group.running && !s.group.closed
		s.group.mu.Unlock()
		if !running {
			return
		}
		time.Sleep(time.Millisecond)
	}
	s.t.Fatalf("no prompt after 120 s; output %q", s.screen.take())
}

// typeIn types text without waiting for a prompt.
func (s *session) typeIn(text string) {
	if _, err := s.group.Write([]byte(text)); err != nil {
		s.t.Error(err)
	}
}

// do types a line and returns everything up to the next prompt.
func (s *session) do(line string) string {
	s.t.Helper()
	s.screen.take()
	s.typeIn(line + "\r")
	s.ready()
	return s.screen.take()
}

// want types a line and compares what comes between its echo and the prompt.
func (s *session) want(line, output string) {
	s.t.Helper()
	got := strings.ReplaceAll(s.do(line), "\r\n", "\n")
	got = strings.TrimPrefix(got, line)
	if i := strings.LastIndex(got, "\n\r"); i >= 0 {
		got = got[:i]
	}
	if got != output {
		s.t.Errorf("%s:\n got %q\nwant %q", line, got, output)
	}
}

// step is a line of a transcript.
type step struct{ Section, PC, Cmd, Out string }

func transcript(t *testing.T, section string) (steps []step) {
	t.Helper()
	data, err := os.ReadFile("testdata/0.8.3-" + section + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		var s step
		if err := json.Unmarshal(line, &s); err != nil {
			t.Fatalf("transcript %s: %v", section, err)
		}
		steps = append(steps, s)
	}
	return steps
}

// play types what the transcript's line says, and returns the output.
func (s *session) play(cmd string) string {
	s.t.Helper()
	s.screen.take()
	line, after, special := strings.Cut(cmd, " <Ctrl+C after ")
	if line == "sleep (then key after 1s)" {
		line, after, special = "sleep", "1s>", true
	}
	s.typeIn(line + "\r")
	if special {
		wait, err := time.ParseDuration(strings.TrimSuffix(after, ">"))
		if err != nil {
			s.t.Fatalf("transcript line %q: %v", cmd, err)
		}
		time.Sleep(wait - 20*time.Millisecond)
		if line == "sleep" {
			s.typeIn("x")
		} else {
			s.typeIn("\x03")
		}
	}
	s.ready()
	return s.screen.take()
}

// replay plays a transcript on sessions by PC name. dropped names the lines that
// are not compared, with the reason; "run: " in front of the reason plays them
// all the same. A name may begin with the number of the line, as in "11: show ip".
func replay(t *testing.T, section string, sessions map[string]*session, dropped map[string]string) {
	t.Helper()
	used := map[string]bool{}
	for n, st := range transcript(t, section) {
		s := sessions[st.PC]
		key := st.Cmd
		if at := fmt.Sprintf("%d: %s", n+1, st.Cmd); dropped[at] != "" {
			key = at
		}
		reason, drop := dropped[key]
		used[key] = true
		if strings.HasPrefix(st.Cmd, "[") || usesTCP(st.Cmd) || drop && !strings.HasPrefix(reason, "run: ") {
			continue
		}
		if s == nil {
			t.Fatalf("transcript %s has no PC %q", section, st.PC)
		}
		got := s.play(st.Cmd)
		if g, w := normalise(got), normalise(st.Out); g != w && !drop {
			t.Errorf("%s line %d, %s: %s\n got %q\nwant %q", section, n+1, st.PC, st.Cmd, g, w)
		}
	}
	for cmd := range dropped {
		if !used[cmd] {
			t.Errorf("transcript %s has no line %q to drop", section, cmd)
		}
	}
}

// usesTCP reports whether a line needs netstack, whose goroutines wait in a way
// that a synctest bubble does not see: TestTCPTranscripts replays it.
func usesTCP(cmd string) bool {
	return (strings.Contains(cmd, " -3") && !strings.Contains(cmd, " -f ")) || strings.Contains(cmd, " -P 6")
}

// normalise makes comparable what depends on time and chance, and corrects the EUI-64 of vpcs.
func normalise(out string) string {
	for _, r := range []struct{ pattern, with string }{
		{`\d+\.\d{3} ms`, "T ms"},
		{`expires in \d+ seconds`, "expires in N seconds"},
		{`\x1b\[32m\d{4}\.\d+`, "\x1b[32mT"},
		{`DHCP LEASE  : \d+, \d+/\d+/\d+`, "DHCP LEASE  : L"},
		{`(Option 5[89]: \w+ Time) = \d+`, "$1 = N"},
		{`2050:79ff`, "250:79ff"},
		{`e2:46:3d:fb:fe:f6`, "ROUTER"},
	} {
		out = regexp.MustCompile(r.pattern).ReplaceAllString(out, r.with)
	}
	return out
}

func loopback(port int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))
}
