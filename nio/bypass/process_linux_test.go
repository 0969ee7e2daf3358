package bypass

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// childWord makes this test program open a bypass, say so, and stay until its
// input ends.
const childWord = "LANYARD_TEST_BYPASS"

func TestMain(m *testing.M) {
	if os.Getenv(childWord) == "" {
		os.Exit(m.Run())
	}
	_, err := Open()
	fmt.Printf("%v, %v\n", errors.Is(err, unix.EPERM), err)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// startChild returns a process of this thread's network and the line it said.
func startChild(t *testing.T, attributes *syscall.SysProcAttr) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childWord+"=1")
	cmd.SysProcAttr = attributes
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the child said %q, then %v", line, err)
	}
	return cmd, strings.TrimSpace(line)
}

// attached is the number of programs on the way out of lo.
func attached(t *testing.T) int {
	t.Helper()
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	result, err := link.QueryPrograms(link.QueryOptions{Target: lo.Index, Attach: ebpf.AttachTCXEgress})
	if err != nil {
		t.Fatal(err)
	}
	return len(result.Programs)
}

func TestKilledOwnerLeavesNothing(t *testing.T) {
	ownNetwork(t)
	cmd, line := startChild(t, nil)
	if line != "false, <nil>" || attached(t) != 1 {
		t.Fatalf("the child said %q, and %d programs are on lo", line, attached(t))
	}
	if err := cmd.Process.Signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for limit := time.Now().Add(patience); attached(t) != 0; runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatalf("%d programs are on lo after their owner was killed", attached(t))
		}
	}
}

func TestOwnersCoexist(t *testing.T) {
	ownNetwork(t)
	first, second := mustOpen(t), mustOpen(t)
	other, line := startChild(t, nil)
	if line != "false, <nil>" || attached(t) != 3 {
		t.Fatalf("the child said %q, and %d programs are on lo", line, attached(t))
	}
	a, b, bridgeAB := wired(t)
	c, d, bridgeCD := wired(t)
	first.mustAdd(t, a, b)
	second.mustAdd(t, c, d)
	exchange := func() {
		t.Helper()
		for _, p := range [][2]*emulator{{a, b}, {b, a}, {c, d}, {d, c}} {
			p[0].send(t, "hello")
			p[1].expect(t, "hello")
		}
	}
	exchange()
	_ = other.Process.Kill()
	_ = other.Wait()
	exchange()
	relayed(t, bridgeAB, 0, 0)
	relayed(t, bridgeCD, 0, 0)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	exchange()
	relayed(t, bridgeAB, 1, 1)
	relayed(t, bridgeCD, 0, 0)
	wantCounters(t, second, c, Counters{3, 180})
}

func TestOpenSaysWhichRightsAreMissing(t *testing.T) {
	ownNetwork(t)
	nobody := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	_, line := startChild(t, nobody)
	if !strings.HasPrefix(line, "true, ") || !strings.Contains(line, "CAP_BPF and CAP_NET_ADMIN are needed") {
		t.Errorf("a process without rights said %q", line)
	}
	if n := attached(t); n != 0 {
		t.Errorf("%d programs are on lo", n)
	}
}
