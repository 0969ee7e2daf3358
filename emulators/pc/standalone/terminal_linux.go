package standalone

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/lanyard-lab/lanyard/console"
)

// onTerminal makes the terminal that is stdin the console, until the PCs or
// the terminal end, or the user types "disconnect".
func onTerminal(ctx context.Context, o options, stdin io.Reader, stderr io.Writer) int {
	file, ok := stdin.(*os.File)
	if !ok {
		return noTerminal(stderr)
	}
	fd := int(file.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return noTerminal(stderr)
	}
	// A file of our own can be closed under a reader, and made not to block
	// without anybody else noticing.
	tty, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", fd), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return noTerminal(stderr)
	}
	defer tty.Close()
	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer cancel()
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, raw(*before)); err != nil {
		_, _ = fmt.Fprintf(stderr, "vpcs: cannot set up the terminal: %s\n", err)
		return failed
	}
	defer func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, before) }()
	hub := console.New("vpcs", historySize)
	defer hub.Close()
	group, unplug, err := start(o, hub)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "vpcs: %s\r\n", err)
		return failed
	}
	defer unplug()
	go func() {
		_ = hub.Serve(tty)
		cancel()
	}()
	return wait(ctx, group, stderr)
}

func noTerminal(stderr io.Writer) int {
	_, _ = io.WriteString(stderr, "Please run in the tty\n")
	return failed
}

// raw is t without line editing, echo and signals.
func raw(t unix.Termios) *unix.Termios {
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return &t
}
