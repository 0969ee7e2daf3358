// Package standalone is the virtual PC as a program of its own, with vpcs's command line.
package standalone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lanyard-lab/lanyard/console"
	"github.com/lanyard-lab/lanyard/emulators/pc"
)

const (
	failed      = 255      // exit code of vpcs for what it cannot do
	historySize = 64 << 10 // of the console, replayed to new clients
	stopTime    = 3 * time.Second
)

// Main runs the program "vpcs" with args, its command line without the
// program's name, in the working directory. It returns the exit code; as with
// vpcs that is 0 also after a wrong command line. It ends at "quit", when ctx
// ends, and at SIGTERM or SIGINT.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if wrong, ok := errors.AsType[*usageError](err); ok {
		_, _ = fmt.Fprintf(stderr, "vpcs: %s\nvpcs: nothing was started; the exit code is 0 as in the original\n", wrong)
		o.usage = true
	} else if err != nil {
		_, _ = fmt.Fprintf(stderr, "vpcs: %s\n", err)
		return failed
	}
	switch {
	case o.usage:
		_, _ = io.WriteString(stdout, usage())
		return 0
	case o.version:
		_, _ = io.WriteString(stdout, "\n"+pc.VersionText())
		return 0
	case o.port == 0:
		return onTerminal(ctx, o, stdin, stderr)
	case !o.foreground:
		return daemonise(stderr)
	}
	return onTelnet(ctx, o, stderr)
}

// onTelnet serves the console by telnet until the PCs end.
func onTelnet(ctx context.Context, o options, stderr io.Writer) int {
	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	signal.Ignore(syscall.SIGHUP)
	hub := console.New("vpcs", historySize)
	defer hub.Close()
	tell := ready()
	port, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: o.port})
	if err != nil {
		text := fmt.Sprintf("Daemon bind port: %s\nerror\n", cause(err))
		_, _ = io.WriteString(stderr, text)
		tell(text)
		return failed
	}
	group, unplug, err := start(o, hub)
	if err != nil {
		_ = port.Close()
		_, _ = fmt.Fprintf(stderr, "vpcs: %s\n", err)
		tell(err.Error() + "\n")
		return failed
	}
	defer unplug()
	if err := hub.ListenOn(console.NewAcceptor(), port); err != nil { // a first client finds the PCs
		_, _ = fmt.Fprintf(stderr, "vpcs: %s\n", err)
		tell(err.Error() + "\n")
		return failed
	}
	tell("")
	return wait(ctx, group, stderr)
}

// start makes the PCs with their wires; unplug closes the wires.
func start(o options, hub *console.Hub) (group *pc.Group, unplug func(), err error) {
	folder, err := filepath.Abs(".")
	if err != nil {
		return nil, nil, fmt.Errorf("cannot find the working directory: %w", err)
	}
	cfg := pc.GroupConfig{Folder: folder, Startup: o.startup, Console: hub}
	var wires []*wire
	unplug = func() {
		for _, w := range wires {
			_ = w.Close()
		}
	}
	for i := range o.count {
		w := &wire{}
		wires = append(wires, w)
		one := pc.Config{
			MAC: net.HardwareAddr{0x00, 0x50, 0x79, 0x66, 0x68, byte(i + o.macOffset)}, NIO: w,
			LPort: o.lport + i, Remote: netip.AddrPortFrom(o.rhost, uint16(o.rport+i)), Rewire: w.open,
		}
		if err := w.open(one.LPort, one.Remote); err != nil {
			one.Problem = fmt.Sprintf("Open port %d error [%s]", one.LPort, err)
		}
		cfg.PCs = append(cfg.PCs, one)
	}
	group, err = pc.NewGroup(cfg)
	if err != nil {
		unplug()
		return nil, nil, err
	}
	hub.Connect(group, nil)
	return group, unplug, nil
}

// wait waits for the end of the PCs, or ends them with ctx.
func wait(ctx context.Context, group *pc.Group, stderr io.Writer) int {
	select {
	case <-group.Done():
	case <-ctx.Done():
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer cancel()
		_ = group.Stop(limit)
		return 0
	}
	if err := group.Exit(); err != nil {
		_, _ = fmt.Fprintf(stderr, "vpcs: %s\n", err)
		return failed
	}
	return 0
}

// readyVariable names the file descriptor on which a detached process tells
// that it is up, or why not.
const readyVariable = "LANYARD_VPCS_READY"

// ready returns what tells the process that detached this one, if there is one.
func ready() func(problem string) {
	if os.Getenv(readyVariable) == "" {
		return func(string) {}
	}
	_ = os.Unsetenv(readyVariable)
	pipe := os.NewFile(3, "ready")
	return func(problem string) {
		_, _ = io.WriteString(pipe, "ready\n"+problem)
		_ = pipe.Close()
	}
}

// daemonise runs this program again, detached and in the foreground there, and
// waits until it is up.
func daemonise(stderr io.Writer) int {
	r, w, err := os.Pipe()
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "vpcs: cannot detach: %s\n", err)
		return failed
	}
	defer r.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		_ = w.Close()
		_, _ = fmt.Fprintf(stderr, "vpcs: cannot detach: %s\n", err)
		return failed
	}
	defer null.Close()
	argv := append([]string{os.Args[0], "vpcs", "-F"}, os.Args[1:]...)
	if len(os.Args) > 1 && os.Args[1] == "vpcs" {
		argv = append(argv[:3], os.Args[2:]...)
	}
	process, err := os.StartProcess("/proc/self/exe", argv, &os.ProcAttr{
		Env: append(os.Environ(), readyVariable+"=3"), Files: []*os.File{null, null, null, w},
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	_ = w.Close()
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "vpcs: cannot detach: %s\n", err)
		return failed
	}
	answer, _ := io.ReadAll(io.LimitReader(r, 4096))
	problem, up := strings.CutPrefix(string(answer), "ready\n")
	if !up || problem != "" {
		_, _ = process.Wait()
		if problem == "" {
			problem = "vpcs: the detached process ended at once\n"
		}
		_, _ = io.WriteString(stderr, problem)
		return failed
	}
	_ = process.Release()
	return 0
}
