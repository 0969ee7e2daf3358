package nio

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// watchEvery is how often an interface that is down or gone is looked for. Once
// it is up there is no need: the kernel tells when it goes.
const watchEvery = 500 * time.Millisecond

// packetWatch looks for an interface until it is there.
type packetWatch struct {
	again func() (done bool)

	mu      sync.Mutex
	timer   *time.Timer // nil: not looking
	asked   bool        // again, since the timer was set
	stopped bool
}

func (w *packetWatch) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = true
	if w.timer == nil && !w.stopped {
		w.timer = time.AfterFunc(watchEvery, w.look)
	}
}

func (w *packetWatch) look() {
	w.mu.Lock()
	w.asked = false
	w.mu.Unlock()
	done := w.again()
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.stopped:
	case done && !w.asked:
		w.timer = nil
	default:
		w.timer.Reset(watchEvery)
	}
}

func (w *packetWatch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	if w.timer != nil {
		w.timer.Stop()
	}
}

// attach binds the socket to the interface that has the name now, if the old
// one was deleted, and reports whether it is up.
func (p *Packet) attach() (up bool) {
	err := p.raw.Control(func(fd uintptr) {
		index := boundTo(int(fd))
		if index <= 0 {
			if bindPacket(int(fd), p.name) != nil {
				return
			}
			index = boundTo(int(fd))
		}
		up = isUp(int(fd), index)
	})
	return up || err != nil
}

// boundTo is the interface that a packet socket is bound to, -1 when it has been
// deleted.
func boundTo(fd int) (index int) {
	address, err := unix.Getsockname(fd)
	if link, ok := address.(*unix.SockaddrLinklayer); ok && err == nil {
		return link.Ifindex
	}
	return -1
}

// isUp looks an interface up by its index: it may have a new name.
func isUp(fd, index int) bool {
	request, err := unix.NewIfreq("none")
	if err != nil {
		return false
	}
	request.SetUint32(uint32(index))
	if unix.IoctlIfreq(fd, unix.SIOCGIFNAME, request) != nil {
		return false
	}
	if unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, request) != nil {
		return false
	}
	return request.Uint16()&unix.IFF_UP != 0
}
