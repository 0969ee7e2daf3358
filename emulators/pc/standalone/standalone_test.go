package standalone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
)

// TestMain lets the test binary be the program that is tested.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "vpcs" {
		os.Exit(Main(context.Background(), os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// deadline of everything that another process does.
const deadline = 20 * time.Second

func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], append([]string{"vpcs"}, args...)...)
	cmd.Dir = t.TempDir()
	return cmd
}

// begin starts cmd and makes sure that it ends with the test.
func begin(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

func freePort(t *testing.T, network string) int {
	t.Helper()
	if network == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.LocalAddr().(*net.UDPAddr).Port
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// dial connects to a console as soon as it listens.
func dial(t *testing.T, port int) net.Conn {
	t.Helper()
	for end := time.Now().Add(deadline); ; {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			t.Cleanup(func() { _ = c.Close() })
			_ = c.SetDeadline(time.Now().Add(deadline))
			return c
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// expect reads until text has come.
func expect(t *testing.T, r io.Reader, text string) string {
	t.Helper()
	var got []byte
	buffer := make([]byte, 4096)
	for !bytes.Contains(got, []byte(text)) {
		n, err := r.Read(buffer)
		got = append(got, buffer[:n]...)
		if err != nil {
			t.Fatalf("%v; waiting for %q, got %q", err, text, got)
		}
	}
	return string(got)
}

func send(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
}

func TestParse(t *testing.T) {
	base := options{count: 9, lport: 20000, rport: 30000, rhost: netip.MustParseAddr("127.0.0.1")}
	with := func(f func(*options)) options {
		o := base
		f(&o)
		return o
	}
	for _, tc := range []struct {
		args string
		want options
	}{
		{"", base},
		{"-p 2000 -m 3 -i 1 -F -R -s 10000 -c 10001 -t 10.0.0.1 startup.vpc", with(func(o *options) {
			*o = options{port: 2000, macOffset: 3, count: 1, foreground: true, lport: 10000, rport: 10001, rhost: netip.MustParseAddr("10.0.0.1"), startup: "startup.vpc"}
		})},
		{"x.vpc -p2000 -fRi3", with(func(o *options) { o.startup, o.port, o.foreground, o.count = "x.vpc", 2000, true, 3 })},
		{"-r x.vpc -u", with(func(o *options) { o.startup = "x.vpc" })},
		{"-v", with(func(o *options) { o.version = true })},
		{"-?", with(func(o *options) { o.usage = true })},
		{"--help", with(func(o *options) { o.usage = true })},
		{"-- -r", with(func(o *options) { o.startup = "-r" })},
	} {
		got, err := parse(strings.Fields(tc.args))
		if err != nil || !cmp.Equal(got, tc.want, cmp.AllowUnexported(options{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })) {
			t.Errorf("parse(%q) = %+v, %v, want %+v", tc.args, got, err, tc.want)
		}
	}
}

func TestBadCommandLines(t *testing.T) {
	for _, tc := range []struct {
		args, stdout, stderr string
		code                 int
	}{
		{"-x", "usage: vpcs", "vpcs: invalid option -- 'x'", 0},
		{"-p", "usage: vpcs", "requires an argument -- 'p'", 0},
		{"a b", "usage: vpcs", "more than one startup file", 0},
		{"-h", "usage: vpcs", "", 0},
		{"-p 2000 --help", "usage: vpcs", "", 0},
		{"--helper", "usage: vpcs", "vpcs: invalid option -- '-'", 0},
		{"-v", "Welcome to Virtual PC Simulator, version 0.8.3", "", 0},
		{"-e", "", "tap mode (-e, -d) is not available", failed},
		{"-d tap0", "", "tap mode (-e, -d) is not available", failed},
		{"-H 2000", "", "hypervisor mode (-H) is not available", failed},
		{"-i 10", "", "-i 10: 1 to 9", failed},
		{"-p 70000", "", "-p 70000: not a TCP port", failed},
		{"-t x", "", "-t x: not an IPv4 address", failed},
		{"", "", "Please run in the tty\n", failed},
	} {
		var stdout, stderr strings.Builder
		code := Main(t.Context(), strings.Fields(tc.args), strings.NewReader(""), &stdout, &stderr)
		if code != tc.code || !strings.Contains(stdout.String(), tc.stdout) || !strings.Contains(stderr.String(), tc.stderr) {
			t.Errorf("vpcs %s: exit %d, stdout %q, stderr %q", tc.args, code, stdout.String(), stderr.String())
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("-p2000 -i 1 -Fm 3 x.vpc")
	f.Fuzz(func(t *testing.T, args string) {
		o, err := parse(strings.Fields(args))
		if err == nil && (o.count < 1 || o.count > 9 || o.lport+o.count-1 > 65535 || !o.rhost.Is4()) {
			t.Errorf("parse(%q) = %+v", args, o)
		}
	})
}

func TestConsolePortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	for _, args := range [][]string{{"-p", port, "-i", "1", "-F"}, {"-p", port, "-i", "1"}} {
		out, err := program(t, args...).CombinedOutput()
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok || exit.ExitCode() != failed || string(out) != "Daemon bind port: Address already in use\nerror\n" {
			t.Errorf("vpcs %s: %v, %q", args, err, out)
		}
	}
}

func TestForeground(t *testing.T) {
	port := freePort(t, "tcp")
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	lport := taken.LocalAddr().(*net.UDPAddr).Port
	cmd := program(t, "-p", fmt.Sprint(port), "-m", "1", "-i", "1", "-F", "-R", "-s", fmt.Sprint(lport), "-c", "41001", "-t", "127.0.0.1", "startup.vpc")
	if err := os.WriteFile(filepath.Join(cmd.Dir, "startup.vpc"), []byte("set pcname PC1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	begin(t, cmd)
	c := dial(t, port)
	out := expect(t, c, "PC1> ")
	if !strings.Contains(out, fmt.Sprintf("help.\r\nOpen port %d error [Address already in use]\r\n\r\nExecuting the startup file\r\n", lport)) {
		t.Errorf("output %q", out)
	}
	free := freePort(t, "udp")
	send(t, c, fmt.Sprintf("set lport %d\r\n", free))
	expect(t, c, "PC1> ")
	send(t, c, "show\r\n")
	if out := expect(t, c, "PC1> "); !strings.Contains(out, fmt.Sprintf("00:50:79:66:68:01  %d  127.0.0.1:41001", free)) {
		t.Errorf("show: %q", out)
	}
	send(t, c, fmt.Sprintf("set lport %d\r\n", lport))
	expect(t, c, "Device(0) open error [Address already in use]")
	send(t, c, "q\r\n")
	if err := cmd.Wait(); err != nil {
		t.Errorf("exit after quit: %v", err)
	}
	if _, err := os.Stat(filepath.Join(cmd.Dir, "vpcs.hist")); err != nil {
		t.Error(err)
	}
}

func TestSIGTERM(t *testing.T) {
	port := freePort(t, "tcp")
	cmd := program(t, "-p", fmt.Sprint(port), "-F", "-i", "2", "-s", fmt.Sprint(freePort(t, "udp")))
	begin(t, cmd)
	expect(t, dial(t, port), "VPCS[1]> ")
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("exit after SIGTERM: %v", err)
	}
}

func TestBackground(t *testing.T) {
	port := freePort(t, "tcp")
	if out, err := program(t, "-p", fmt.Sprint(port), "-i", "1", "-s", fmt.Sprint(freePort(t, "udp"))).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c := dial(t, port) // it listens already, and ends by "quit"
	expect(t, c, "VPCS> ")
	send(t, c, "quit\r\n")
	if _, err := io.ReadAll(c); err != nil {
		t.Error(err)
	}
}

func TestTerminal(t *testing.T) {
	cmd := program(t, "-i", "1", "-s", fmt.Sprint(freePort(t, "udp")))
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	expect(t, tty, "VPCS> ")
	send(t, tty, "echo a\x03echo b\r")
	if out := expect(t, tty, "VPCS> echo b\r\nb\r\n\r"); strings.Contains(out, "^C") {
		t.Errorf("the terminal is not raw: %q", out)
	}
	send(t, tty, "quit\r")
	if err := cmd.Wait(); err != nil {
		t.Errorf("exit after quit: %v", err)
	}
}

// TestPing wires two programs with each other.
func TestPing(t *testing.T) {
	a, b := freePort(t, "udp"), freePort(t, "udp")
	var conns []net.Conn
	for i, ports := range [][2]int{{a, b}, {b, a}} {
		port := freePort(t, "tcp")
		begin(t, program(t, "-p", fmt.Sprint(port), "-F", "-i", "1", "-m", fmt.Sprint(i), "-s", fmt.Sprint(ports[0]), "-c", fmt.Sprint(ports[1])))
		c := dial(t, port)
		expect(t, c, "VPCS> ")
		conns = append(conns, c)
	}
	for i, c := range conns {
		send(t, c, fmt.Sprintf("ip 192.168.1.%d\r\n", i+1))
	}
	for _, c := range conns {
		expect(t, c, "255.255.255.0\r\n\r\n\rVPCS> ")
	}
	send(t, conns[1], "ping 192.168.1.1 -c 2 -i 10\r\n")
	if out := expect(t, conns[1], "\r\n\r\n\rVPCS> "); strings.Count(out, "84 bytes from 192.168.1.1 icmp_seq=") != 2 {
		t.Errorf("ping: %q", out)
	}
}
