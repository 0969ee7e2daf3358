package tests

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestDropIn runs the virtual PC and Debian's vpcs with the same command line
// but for the ports, joined by UDP, and pings both ways.
func TestDropIn(t *testing.T) {
	vpcs := need(t, "vpcs")
	need(t, "telnet")
	ports := reserve(t)
	flags := func(mac, console, local, remote int) []string {
		return []string{"-p", strconv.Itoa(console), "-m", strconv.Itoa(mac), "-i", "1", "-F",
			"-s", strconv.Itoa(local), "-c", strconv.Itoa(remote), "-t", "127.0.0.1"}
	}
	ours := command(append([]string{"vpcs"}, flags(1, ports.console(0), ports.udp(0), ports.udp(1))...)...)
	theirs := exec.Command(vpcs, flags(2, ports.console(1), ports.udp(1), ports.udp(0))...)
	for _, cmd := range []*exec.Cmd{ours, theirs} {
		cmd.Dir = t.TempDir()
		background(t, cmd)
	}
	mine, other := dialWhenOpen(t, ports.console(0)), dialWhenOpen(t, ports.console(1))
	mine.expect(t, anyPrompt)
	mine.send(t, "ip 10.0.0.1/24")
	mine.expect(t, ` : 10\.0\.0\.1 255\.255\.255\.0`)
	mine.expect(t, anyPrompt)
	other.expect(t, anyPrompt)
	other.send(t, "ip 10.0.0.2/24")
	other.expect(t, ` : 10\.0\.0\.2 255\.255\.255\.0`)
	other.expect(t, anyPrompt)

	mine.send(t, "ping 10.0.0.2 -c 2")
	mine.expect(t, `84 bytes from 10\.0\.0\.2 icmp_seq=1 ttl=64 time=`)
	mine.expect(t, `84 bytes from 10\.0\.0\.2 icmp_seq=2 ttl=64 time=`)
	mine.expect(t, anyPrompt)
	other.send(t, "ping 10.0.0.1 -c 2")
	other.expect(t, `10\.0\.0\.1 icmp_seq=2 ttl=64 time=`)
	other.expect(t, anyPrompt)
	mine.send(t, "arp")
	mine.expect(t, `00:50:79:66:68:02 +10\.0\.0\.2`)
	mine.expect(t, anyPrompt)
	mine.disconnect(t)
}

// TestDaemon is -p without -F: the command returns, and the PC is there.
func TestDaemon(t *testing.T) {
	need(t, "telnet")
	ports := reserve(t)
	cmd := command("vpcs", "-p", strconv.Itoa(ports.console(0)), "-i", "1", "-s", strconv.Itoa(ports.udp(0)), "-c", strconv.Itoa(ports.udp(1)))
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("lanyard vpcs -p = %v: %s", err, out)
	}
	t.Cleanup(func() {
		for _, p := range processesIn(t, cmd.Dir) {
			p.kill(t)
			t.Errorf("the daemon was left: %v", p)
		}
	})
	first := dial(t, ports.console(0)) // it listens when the command returns
	first.expect(t, anyPrompt)
	first.send(t, "ip 10.0.0.1/24")
	first.expect(t, ` : 10\.0\.0\.1 255`)
	first.disconnect(t)
	second := dial(t, ports.console(0))
	second.expect(t, anyPrompt)
	second.send(t, "show ip")
	second.expect(t, `10\.0\.0\.1/24`)
	second.send(t, "quit")
	second.expect(t, `Connection closed by foreign host`)
	eventually(t, patience, func() error {
		if left := processesIn(t, cmd.Dir); len(left) > 0 {
			return fmt.Errorf("still there: %v", left)
		}
		return nil
	})
}

// TestStandaloneRefuses what it cannot do, with vpcs's exit codes.
func TestStandaloneRefuses(t *testing.T) {
	ports := reserve(t)
	taken, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", ports.console(0)))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tc := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"version", []string{"-v"}, 0, "Virtual PC Simulator, version 0.8.3"},
		{"unknown flag", []string{"-X"}, 0, "invalid option"},
		{"port in use", []string{"-p", strconv.Itoa(ports.console(0)), "-F"}, 255, "bind port"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, out := run(t, append([]string{"vpcs"}, tc.args...)...)
			if code != tc.code || !strings.Contains(out, tc.want) {
				t.Errorf("lanyard vpcs %q = %d %s, want %d and %q", tc.args, code, out, tc.code, tc.want)
			}
		})
	}
}

// background starts a command that is killed with the test, and so is all else
// that works in its folder: Debian's vpcs makes a second process, in a session
// of its own, which outlives the first.
func background(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		eventually(t, patience, func() error {
			left := processesIn(t, cmd.Dir)
			for _, p := range left {
				_ = syscall.Kill(p.pid, syscall.SIGKILL) // it may end meanwhile
			}
			if len(left) > 0 {
				return fmt.Errorf("still there: %v", left)
			}
			return nil
		})
	})
}

// dialWhenOpen dials a console that is about to listen. It does not connect to
// find out: vpcs serves one client at a time.
func dialWhenOpen(t *testing.T, port int) *telnet {
	t.Helper()
	listening := regexp.MustCompile(fmt.Sprintf(`(?m)^ *\d+: [0-9A-F]+:%04X [0-9A-F]+:0000 0A `, port))
	eventually(t, patience, func() error {
		// Of this thread: the process's first one may have ended in a namespace.
		sockets, err := os.ReadFile("/proc/thread-self/net/tcp")
		if err == nil && !listening.Match(sockets) {
			err = fmt.Errorf("nobody listens on port %d", port)
		}
		return err
	})
	return dial(t, port)
}
