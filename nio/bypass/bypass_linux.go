// Package bypass lets the datagrams of two emulators on this host cross without
// a relay: a program on lo writes the other end's ports into them.
//
// The relay's sockets stay open. A link is taken off the bypass in one step,
// and the next frame reaches them.
package bypass

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// maxEntries is how many directions of links fit into the map; it takes memory
// for those that are there.
const maxEntries = 1 << 16

// Bypass is the program of this process on lo. Others may have theirs there:
// each leaves alone what it does not know. It is gone when the process is. Safe
// for concurrent use.
type Bypass struct {
	entries *ebpf.Map // ports.word() to entry
	program *ebpf.Program
	link    link.Link
}

// Pair is the two ends of an emulator's tunnel to this process.
type Pair struct {
	Local  netip.AddrPort // where the emulator is bound
	Remote netip.AddrPort // where it sends to, and expects frames from
}

// Counters are those of one direction.
type Counters struct{ Frames, Bytes uint64 }

func (c *Counters) add(e entry) {
	c.Frames += e.Frames
	c.Bytes += e.Bytes
}

// Open puts the program on the lo of the calling thread's network namespace. The
// error says what is missing: rights (it then wraps unix.EPERM), or a newer
// kernel (ebpf.ErrNotSupported).
func Open() (*Bypass, error) {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return nil, fmt.Errorf("cannot bypass relays: cannot find lo: %w", err)
	}
	b := &Bypass{}
	b.entries, err = ebpf.NewMap(&ebpf.MapSpec{
		Name: "lanyard_bypass", Type: ebpf.Hash, Flags: unix.BPF_F_NO_PREALLOC,
		KeySize: 4, ValueSize: 24, MaxEntries: maxEntries,
	})
	if err == nil {
		b.program, err = ebpf.NewProgram(specification(b.entries))
	}
	if err == nil {
		b.link, err = link.AttachTCX(link.TCXOptions{
			Interface: lo.Index, Program: b.program, Attach: ebpf.AttachTCXEgress,
		})
	}
	if err == nil {
		return b, nil
	}
	_ = b.Close()
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return nil, fmt.Errorf("cannot bypass relays: CAP_BPF and CAP_NET_ADMIN are needed: %w", err)
	case errors.Is(err, ebpf.ErrNotSupported):
		return nil, fmt.Errorf("cannot bypass relays: Linux 6.6 or later with BPF is needed: %w", err)
	default:
		return nil, fmt.Errorf("cannot bypass relays: %w", err)
	}
}

// Add lets what a sends go to b, and the other way round. Each gets datagrams
// from where it expects them. All four addresses are of 127.0.0.1.
//
// Frames that are in the relay already may arrive after later ones.
func (b *Bypass) Add(one, other Pair) error {
	if err := check(one, other); err != nil {
		return fmt.Errorf("cannot bypass the relay between %s and %s: %w", one.Local, other.Local, err)
	}
	if err := b.put(one, other); err != nil {
		return err
	}
	if err := b.put(other, one); err != nil {
		_ = b.entries.Delete(key(one))
		return err
	}
	return nil
}

// Remove sends the frames of both to the relay again, and returns what went
// from one to other, and back.
func (b *Bypass) Remove(one, other Pair) (forth, back Counters, err error) {
	var errs []error
	for _, end := range []struct {
		pair Pair
		to   *Counters
	}{{one, &forth}, {other, &back}} {
		var e entry
		if err := b.entries.LookupAndDelete(key(end.pair), &e); err != nil {
			errs = append(errs, fmt.Errorf("cannot end the bypass from %s: %w", end.pair.Local, err))
			continue
		}
		end.to.add(e)
	}
	return forth, back, errors.Join(errs...)
}

// Counters returns what went from an emulator since its link was added.
func (b *Bypass) Counters(from Pair) (Counters, error) {
	var e entry
	if err := b.entries.Lookup(key(from), &e); err != nil {
		return Counters{}, fmt.Errorf("cannot read the counters of the bypass from %s: %w", from.Local, err)
	}
	return Counters{e.Frames, e.Bytes}, nil
}

// Close takes the program off lo: all frames go to the relays again.
func (b *Bypass) Close() error {
	var errs []error
	if b.link != nil {
		errs = append(errs, b.link.Close())
	}
	if b.program != nil {
		errs = append(errs, b.program.Close())
	}
	if b.entries != nil {
		errs = append(errs, b.entries.Close())
	}
	return errors.Join(errs...)
}

func (b *Bypass) put(from, to Pair) error {
	instead := ports{source: to.Remote.Port(), destination: to.Local.Port()}
	err := b.entries.Update(key(from), entry{Ports: instead.word()}, ebpf.UpdateNoExist)
	if err != nil {
		return fmt.Errorf("cannot bypass the relay from %s to %s: %w", from.Local, to.Local, err)
	}
	return nil
}

// key is what the datagrams of an emulator are known by.
func key(from Pair) uint32 {
	return ports{source: from.Local.Port(), destination: from.Remote.Port()}.word()
}

func check(one, other Pair) error {
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	for _, a := range []netip.AddrPort{one.Local, one.Remote, other.Local, other.Remote} {
		if a.Addr().Unmap() != loopback || a.Port() == 0 {
			return fmt.Errorf("%s is not a port of 127.0.0.1", a)
		}
	}
	if one == other {
		return errors.New("they are the same end")
	}
	return nil
}
