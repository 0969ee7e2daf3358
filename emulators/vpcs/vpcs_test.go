package vpcs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestTwoPCsPing(t *testing.T) {
	a, b := freePort(t), freePort(t)
	s1, c1 := spec(t, a, b, 1)
	s2, c2 := spec(t, b, a, 2)
	pc1, pc2 := start(t, s1), start(t, s2)
	fmt.Fprint(pc1, "ip 192.168.1.1\r")
	// Lines that come all at once, with the line ends of a script: none is lost.
	fmt.Fprint(pc2, "ip 192.168.1.2\nshow ip\r\nping 192.168.1.1\r\x00disconnect\r\n")
	c1.expect(t, 0, "PC1 : 192.168.1.1 255.255.255.0\r\n")
	at := c2.expect(t, 0, "PC1 : 192.168.1.2 255.255.255.0\r\n")
	at = c2.expect(t, at, "00:50:79:66:68:02")
	for seq := 1; seq <= 5; seq++ {
		at = c2.expect(t, at, fmt.Sprintf("192.168.1.1 icmp_seq=%d ttl=64 time=", seq))
	}
	at = c2.expect(t, at, "disconnect\r\n\r\n\rVPCS> \r\nGood-bye\r\n")
	c2.expect(t, at, "\r\n\rVPCS> ")
	if text := c2.String(); len(c2.hangUps) != 1 || c2.hangUps[0] != at || strings.Contains(text, "daemon") {
		t.Errorf("hang-ups at %v, want one at %d of %q", c2.hangUps, at, text[at-80:])
	}
	fmt.Fprint(pc2, "show echo\r")
	c2.expect(t, at, "Echo Off")
}

func TestStartupScriptAndCommandLine(t *testing.T) {
	local, remote := freePort(t), freePort(t)
	s, console := spec(t, local, remote, 10)
	if err := os.WriteFile(filepath.Join(s.Folder, script), []byte("set pcname R1\necho from the script\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	i := start(t, s)
	if text := console.String(); !strings.Contains(text, "from the script") || !strings.HasSuffix(text, "\r\n\rR1> ") {
		t.Errorf("the console shows %q", text)
	}
	want := fmt.Sprintf("%s -i 1 -m 10 -s %d -c %d -t 127.0.0.1 startup.vpc", i.cmd.Path, local.Port(), remote.Port())
	if got := i.CommandLine(); got != want && got != strings.Replace(want, "-m 10", "-m 10 -R", 1) {
		t.Errorf("CommandLine = %q, want %q", got, want)
	}
	if err := i.Resize(132, 50); err != nil {
		t.Error(err)
	}
}

func TestDeathIsNoticed(t *testing.T) {
	for _, tc := range []struct {
		name string
		end  func(*instance)
		want string // in Exit; empty: none
	}{
		{"killed", func(i *instance) { syscall.Kill(i.cmd.Process.Pid, syscall.SIGKILL) }, "signal 9"},
		{"crashed", func(i *instance) { syscall.Kill(i.cmd.Process.Pid, syscall.SIGSEGV) }, "signal 11"},
		{"quit", func(i *instance) { fmt.Fprint(i, "quit\r") }, ""},
		{"killed while suspended", func(i *instance) {
			i.Suspend(context.Background())
			syscall.Kill(i.cmd.Process.Pid, syscall.SIGKILL)
		}, "signal 9"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, _ := spec(t, freePort(t), freePort(t), 1)
			i := start(t, s)
			if n := len(processes(t, s.Folder)); n != 1 {
				t.Fatalf("%d processes, want 1", n)
			}
			tc.end(i)
			select {
			case <-i.Done():
			case <-time.After(time.Second):
				t.Fatal("the end was not noticed within 1 s")
			}
			if err := i.Exit(); (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Exit = %v, want %q", err, tc.want)
			}
			if left := processes(t, s.Folder); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
			if err := i.Suspend(t.Context()); !errors.Is(err, os.ErrProcessDone) {
				t.Errorf("Suspend after the end = %v", err)
			}
			stop(t, i)
			fmt.Fprint(i, "nobody reads this\r")
		})
	}
}

func TestStopLeavesNothing(t *testing.T) {
	for _, tc := range []struct {
		name  string
		limit time.Duration
		do    func(*testing.T, *instance, *recorder)
	}{
		{"idle", 10 * time.Second, func(*testing.T, *instance, *recorder) {}},
		{"busy", 10 * time.Second, func(t *testing.T, i *instance, c *recorder) {
			fmt.Fprint(i, "sleep 100 waiting\r")
			c.expect(t, 0, "waiting ")
		}},
		{"suspended", 10 * time.Second, func(t *testing.T, i *instance, _ *recorder) {
			if err := i.Suspend(t.Context()); err != nil {
				t.Fatal(err)
			}
		}},
		{"no time", 0, func(*testing.T, *instance, *recorder) {}},
		{"with processes of its own", 10 * time.Second, func(t *testing.T, i *instance, _ *recorder) {
			fmt.Fprint(i.terminal, "! sleep 1000 &\r")
			waitFor(t, "a second process", 10*time.Second, func() bool { return len(processes(t, i.cmd.Dir)) >= 2 })
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, console := spec(t, freePort(t), freePort(t), 1)
			i := start(t, s)
			if v, err := ask(t.Context(), i.cmd.Path, s.Spawn); err != nil || tc.name == "with processes of its own" && !v.hasShell() {
				t.Skipf("vpcs %s has no shell (%v)", v, err)
			}
			tc.do(t, i, console)
			ctx, cancel := context.WithTimeout(t.Context(), tc.limit)
			defer cancel()
			if err := i.Stop(ctx); err != nil {
				t.Fatal(err)
			}
			if state(i.cmd.Process.Pid) != "" {
				t.Errorf("the process is there, in state %s", state(i.cmd.Process.Pid))
			}
			// What vpcs started is no child of ours; the kernel is still at it.
			waitFor(t, "no process left", time.Second, func() bool { return len(processes(t, s.Folder)) == 0 })
			if err := i.Exit(); err != nil {
				t.Errorf("Exit after a stop = %v", err)
			}
		})
	}
}

func TestSuspend(t *testing.T) {
	s, console := spec(t, freePort(t), freePort(t), 1)
	i := start(t, s)
	if err := i.Suspend(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "stopped", time.Second, func() bool { return state(i.cmd.Process.Pid) == "T" })
	at := len(console.String())
	// Far more than the terminal takes: it must not block.
	for range 100 {
		fmt.Fprint(i, strings.Repeat("x", 1000))
	}
	fmt.Fprint(i, "\x03show echo\r")
	if err := i.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	console.expect(t, at, "Echo Off")
}

func TestLongLinesDoNotKill(t *testing.T) {
	s, console := spec(t, freePort(t), freePort(t), 1)
	i := start(t, s)
	for _, line := range []string{
		strings.Repeat("a", 200), strings.Repeat("b", 1<<20), strings.Repeat("\x1b[H", 1000),
		"\x1b[A" + strings.Repeat("c", 200), strings.Repeat("\x1b[A\x1b[D", 300) + strings.Repeat("d", 200), "\x1c\x1a\x13\x00\xff",
		strings.Repeat("e", 200) + "\x1b[1~" + strings.Repeat("\b", 200) + strings.Repeat("f", 200),
	} {
		at := len(console.String())
		fmt.Fprint(i, line+"\r")
		console.expect(t, at, "VPCS> ")
	}
	at := len(console.String())
	fmt.Fprint(i, "\x03show echo\r")
	console.expect(t, at, "Echo Off")
}

func TestNoProgramsOnTheHost(t *testing.T) {
	s, console := spec(t, freePort(t), freePort(t), 1)
	i := start(t, s)
	made := filepath.Join(s.Folder, "made")
	fmt.Fprintf(i, "! touch %s\rtouch %s\x1b[1~! \r\x10!touch made\rshow echo\r", made, made)
	console.expect(t, 0, "Echo Off")
	if exists(made) {
		t.Error("the console ran a program on the host")
	}
	stop(t, i)
	for _, tc := range []struct{ name, text, want string }{
		{script, "set pcname A\n  ! touch made\n", "line 2 of its startup.vpc runs a program"},
		{history, "!touch made\r\n", "line 1 of its vpcs.hist runs a program"},
		{script, strings.Repeat("x", 127) + "! touch made\n", "line 1 of its startup.vpc runs a program"},
		{script, "echo hello!\n", ""},
	} {
		s, _ := spec(t, freePort(t), freePort(t), 1)
		if err := os.WriteFile(filepath.Join(s.Folder, tc.name), []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := New(i.cmd.Path).Check(t.Context(), s)
		if v, _ := ask(t.Context(), i.cmd.Path, s.Spawn); !v.hasShell() {
			tc.want = "" // it has no such command
		}
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %q: Check = %v, want %q", tc.name, tc.text, err, tc.want)
		}
	}
}

func TestScriptIsPlainFile(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"link":   func(path string) error { return os.Symlink("/etc/passwd", path) },
		"folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"pipe":   func(path string) error { return unix.Mkfifo(path, 0o600) },
		"huge":   func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		s, _ := spec(t, freePort(t), freePort(t), 1)
		path := filepath.Join(s.Folder, script)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		if name == "huge" {
			if err := os.Truncate(path, fileLimit+1); err != nil {
				t.Fatal(err)
			}
		}
		if err := New(realVPCS(t)).Check(t.Context(), s); err == nil || !strings.Contains(err.Error(), "startup.vpc is not a plain file") {
			t.Errorf("%s: Check = %v", name, err)
		}
	}
}

func TestUDPPortTaken(t *testing.T) {
	local := freePort(t)
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(local))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, _ := spec(t, local, freePort(t), 1)
	_, err = New(realVPCS(t)).Start(t.Context(), s)
	if err == nil || !strings.Contains(err.Error(), "UDP port") || !strings.Contains(err.Error(), fmt.Sprintf("Open port %d error", local.Port())) {
		t.Errorf("Start = %v", err)
	}
	if left := processes(t, s.Folder); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestStartGivesUp(t *testing.T) {
	s, _ := spec(t, freePort(t), freePort(t), 1)
	if err := os.WriteFile(filepath.Join(s.Folder, script), []byte("echo line one\nsleep 100\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := New(realVPCS(t)).Start(ctx, s)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "line one") {
		t.Errorf("Start = %v, want a deadline and the console", err)
	}
	if left := processes(t, s.Folder); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// TestRunnerIsKilled kills a process that has a vpcs, and finds no vpcs.
func TestRunnerIsKilled(t *testing.T) {
	path := realVPCS(t)
	if os.Getenv("VPCS_TEST_RUNNER") != "" {
		s, _ := spec(t, freePort(t), freePort(t), 1)
		i := start(t, s)
		if v, _ := ask(t.Context(), path, s.Spawn); v.hasShell() {
			fmt.Fprint(i.terminal, "! sleep 1000 &\r")
			waitFor(t, "a second process", 10*time.Second, func() bool { return len(processes(t, s.Folder)) >= 2 })
		}
		fmt.Println("folder " + s.Folder)
		<-t.Context().Done()
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRunnerIsKilled$")
	cmd.Env = append(os.Environ(), "VPCS_TEST_RUNNER=1", "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	folder, ok := strings.CutPrefix(strings.TrimSpace(line), "folder ")
	if !ok || len(processes(t, folder)) == 0 {
		t.Errorf("the process says %q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	waitFor(t, "no process left", 2*time.Second, func() bool { return len(processes(t, folder)) == 0 })
}

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
