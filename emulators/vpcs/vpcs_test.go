package vpcs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
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
	if end := console.expect(t, console.expect(t, 0, "from the script"), "\r\n\rR1> "); end != len(console.String()) {
		t.Errorf("the console shows %q", console.String())
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
