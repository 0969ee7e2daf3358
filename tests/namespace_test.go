package tests

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// namespace is the name of a network namespace, as in "ip netns"; "" is the
// test's own. Tests that touch interfaces have one, so that they see only
// interfaces that they made.
type namespace string

// newNamespace makes a namespace, with its loopback up, which is removed at the
// end of the test.
func newNamespace(t *testing.T, name string) namespace {
	t.Helper()
	need(t, "ip")
	if os.Getuid() != 0 {
		if os.Getenv("REQUIRE_TOOLS") == "1" {
			t.Fatal("only root can make network namespaces")
		}
		t.Skip("only root can make network namespaces")
	}
	n := namespace(fmt.Sprintf("lanyard-test-%d-%s", os.Getpid(), name))
	ip(t, "netns", "add", string(n))
	t.Cleanup(func() { ip(t, "netns", "del", string(n)) })
	n.ip(t, "link", "set", "lo", "up")
	return n
}

// ip runs the program ip and returns what it says.
func ip(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// ip runs the program ip in the namespace.
func (n namespace) ip(t *testing.T, args ...string) string {
	t.Helper()
	return ip(t, append([]string{"-n", string(n)}, args...)...)
}

// command is a program that is to run in the namespace.
func (n namespace) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	n.move(cmd)
	return cmd
}

// move lets a command that has not started run in the namespace. "ip netns
// exec" becomes the program, so that the process id is the program's.
func (n namespace) move(cmd *exec.Cmd) {
	if n == "" {
		return
	}
	path, err := exec.LookPath("ip")
	if err != nil {
		cmd.Err = err
		return
	}
	cmd.Args = append([]string{"ip", "netns", "exec", string(n), cmd.Path}, cmd.Args[1:]...)
	cmd.Path = path
}

// dial connects from the namespace: a socket belongs to that in which it was
// made.
func (n namespace) dial(ctx context.Context, network, address string) (c net.Conn, err error) {
	inside := n.do(func() error {
		c, err = (&net.Dialer{}).DialContext(ctx, network, address)
		return err
	})
	return c, inside
}

// do calls f on a thread that is in the namespace. What f opens stays there;
// what it starts with go does not.
func (n namespace) do(f func() error) error {
	if n == "" {
		return f()
	}
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this
		place, err := os.Open(filepath.Join("/run/netns", string(n)))
		if err == nil {
			err = unix.Setns(int(place.Fd()), unix.CLONE_NEWNET)
			place.Close()
		}
		if err == nil {
			err = f()
		}
		result <- err
	}()
	return <-result
}
