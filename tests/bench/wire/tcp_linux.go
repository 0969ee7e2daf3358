package main

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

const (
	tcpDelay  = 10 * time.Millisecond // in each direction
	tcpBuffer = 512 << 10             // of the receiving socket; it limits the window
)

// tcp measures what the kernel's TCP makes of a link with delay, between two
// TAPs in networks of their own.
func (b *bench) tcp() error {
	return inNewNetwork(func() error {
		here, err := netns.Get()
		if err != nil {
			return fmt.Errorf("cannot find this network namespace: %w", err)
		}
		defer here.Close()
		spec := relaySpec{
			Links:   []linkSpec{{A: endSpec{TAP: "wire0"}, B: endSpec{TAP: "wire1"}}},
			Filters: map[string][]any{"delay": {tcpDelay.Milliseconds(), 0}},
		}
		relay, err := startRelay(spec)
		if err != nil {
			return err
		}
		defer relay.stop()
		there, err := netns.New() // this thread is in it now
		if err != nil {
			return fmt.Errorf("cannot make a network namespace: %w", err)
		}
		defer there.Close()
		if err := netns.Set(here); err != nil {
			return fmt.Errorf("cannot go back to a network namespace: %w", err)
		}
		if err := wireUp(there); err != nil {
			return err
		}
		return b.transfer(here, there)
	})
}

// wireUp moves wire1 to another network, and gives both ends addresses.
func wireUp(there netns.NsHandle) error {
	second, err := netlink.LinkByName("wire1")
	if err == nil {
		err = netlink.LinkSetNsFd(second, int(there))
	}
	if err != nil {
		return fmt.Errorf("cannot move an interface: %w", err)
	}
	far, err := netlink.NewHandleAt(there)
	if err != nil {
		return fmt.Errorf("cannot reach a network namespace: %w", err)
	}
	defer far.Close()
	near, err := netlink.NewHandle()
	if err != nil {
		return fmt.Errorf("cannot reach a network namespace: %w", err)
	}
	defer near.Close()
	for _, end := range []struct {
		handle        *netlink.Handle
		name, address string
	}{{near, "wire0", "10.0.0.1/24"}, {far, "wire1", "10.0.0.2/24"}} {
		l, err := end.handle.LinkByName(end.name)
		if err != nil {
			return fmt.Errorf("cannot find interface %s: %w", end.name, err)
		}
		address, err := netlink.ParseAddr(end.address)
		if err != nil {
			return err
		}
		if err := errors.Join(end.handle.AddrAdd(l, address), end.handle.LinkSetUp(l)); err != nil {
			return fmt.Errorf("cannot set interface %s up: %w", end.name, err)
		}
	}
	return nil
}

// transfer measures a connection from this network to there.
func (b *bench) transfer(here, there netns.NsHandle) error {
	small := func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, tcpBuffer) })
	}
	large := func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 8*tcpBuffer) })
	}
	// A socket belongs to the network that its thread is in when it is made.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := netns.Set(there); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{Control: small}).Listen(b.ctx, "tcp4", "10.0.0.2:0")
	if err := errors.Join(err, netns.Set(here)); err != nil {
		return err
	}
	defer listener.Close()
	dialer := net.Dialer{Control: large, Timeout: 5 * time.Second}
	out, err := dialer.DialContext(b.ctx, "tcp4", listener.Addr().String())
	if err != nil {
		return fmt.Errorf("cannot connect over a link: %w", err)
	}
	defer out.Close()
	in, err := listener.Accept()
	if err != nil {
		return fmt.Errorf("cannot accept a connection over a link: %w", err)
	}
	defer in.Close()
	go func() {
		data := make([]byte, 64<<10)
		for {
			if _, err := out.Write(data); err != nil {
				return
			}
		}
	}()
	if _, err := swallow(in, 2*time.Second); err != nil { // until the window is open
		return err
	}
	const length = 3 * time.Second
	bytes, err := swallow(in, length)
	if err != nil {
		return err
	}
	info, err := tcpInfo(out)
	if err != nil {
		return err
	}
	rate := float64(bytes) / length.Seconds()
	ideal := float64(info.Snd_wnd) / (2 * tcpDelay).Seconds()
	b.table.AtLeast(fmt.Sprintf("TCP, %s each way: rate to a window each round trip", tcpDelay), rate/ideal, 0.8, "",
		fmt.Sprintf("%.1f of %.1f Mbit/s, window %d KiB, %d retransmits", rate*8/1e6, ideal*8/1e6, info.Snd_wnd>>10, info.Total_retrans))
	return nil
}

// swallow reads for so long, and returns how much.
func swallow(c net.Conn, length time.Duration) (total int, err error) {
	data := make([]byte, 256<<10)
	for end := time.Now().Add(length); ; {
		if err := c.SetReadDeadline(end); err != nil {
			return total, err
		}
		n, err := c.Read(data)
		total += n
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			return total, nil
		}
		if err != nil {
			return total, fmt.Errorf("cannot read from a connection over a link: %w", err)
		}
	}
}

func tcpInfo(c net.Conn) (info *unix.TCPInfo, err error) {
	connection, ok := c.(*net.TCPConn)
	if !ok {
		return nil, errors.New("cannot read the state of a connection that is not TCP")
	}
	raw, err := connection.SyscallConn()
	if err != nil {
		return nil, err
	}
	failed := raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
	return info, errors.Join(failed, err)
}
