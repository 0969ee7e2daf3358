package builtin

import (
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// cloudRetryGap is the least time between two attempts to connect a port. An
// attempt can itself change interfaces, and must not be its own reason to try
// again at once.
const cloudRetryGap = time.Second

// watch follows the kernel's notes about interfaces until unwatch is called:
// ports whose interface appears are connected, those whose interface has gone
// are disconnected.
func (i *cloudInstance) watch() {
	stop, ended := make(chan struct{}), make(chan struct{})
	i.unwatch = func() {
		i.op.Lock()
		if !i.stopped {
			i.stopped = true
			close(stop)
		}
		i.op.Unlock()
		<-ended
	}
	updates := make(chan netlink.LinkUpdate, 64)
	unsubscribe := make(chan struct{})
	err := cloudSubscribe(updates, unsubscribe)
	if err != nil {
		i.log.Warn("cannot follow the host's interfaces", "err", err)
		close(updates)
	}
	go func() {
		defer close(ended)
		i.follow(updates, unsubscribe, stop)
	}()
}

// follow runs until stop is closed. The kernel ends a subscription when its
// queue is full; then there is a new one, and every port is looked at.
func (i *cloudInstance) follow(updates chan netlink.LinkUpdate, unsubscribe, stop chan struct{}) {
	retry := time.NewTimer(time.Hour)
	retry.Stop()
	defer retry.Stop()
	for {
		select {
		case <-stop:
			close(unsubscribe)
			for range updates {
				// until the subscription's goroutine has ended
			}
			return
		case u, ok := <-updates:
			if ok {
				i.linkChanged(u, retry)
				continue
			}
			close(unsubscribe)
			select {
			case <-stop:
				return
			case <-time.After(cloudRetryGap):
			}
			updates, unsubscribe = make(chan netlink.LinkUpdate, 64), make(chan struct{})
			if err := cloudSubscribe(updates, unsubscribe); err != nil {
				close(updates)
			}
			i.lookAgain(retry)
		case <-retry.C:
			i.lookAgain(retry)
		}
	}
}

func cloudSubscribe(updates chan netlink.LinkUpdate, unsubscribe chan struct{}) error {
	return netlink.LinkSubscribeWithOptions(updates, unsubscribe, netlink.LinkSubscribeOptions{ReceiveBufferSize: 1 << 20})
}

// linkChanged looks at the ports that a note of the kernel is about.
func (i *cloudInstance) linkChanged(u netlink.LinkUpdate, retry *time.Timer) {
	name, index := u.Attrs().Name, int(u.Index)
	// A bridge sends the same note, of its own family, about a port that leaves it.
	gone := u.Header.Type == unix.RTM_DELLINK && u.Family != unix.AF_BRIDGE
	i.op.Lock()
	defer i.op.Unlock()
	changed := false
	for _, p := range cloudSorted(i.ports) {
		switch {
		case p.end != nil && gone && slices.Contains(p.end.devices, index):
			p.disconnect()
			i.connectSoon(p, retry)
			changed = true
		case p.end == nil && p.mapping.Interface == name:
			i.connectSoon(p, retry)
			changed = true
		}
	}
	if changed {
		i.publish()
	}
}

// lookAgain tries all ports that are not connected, and checks the others.
func (i *cloudInstance) lookAgain(retry *time.Timer) {
	i.op.Lock()
	defer i.op.Unlock()
	for _, p := range cloudSorted(i.ports) {
		if p.end != nil && slices.ContainsFunc(p.end.devices, cloudIsGone) {
			p.disconnect()
		}
		if p.end == nil && p.mapping.Type != cloudUDP {
			i.connectSoon(p, retry)
		}
	}
	i.publish()
}

// connectSoon connects p now, or sets retry when that was tried just before; op
// held.
func (i *cloudInstance) connectSoon(p *cloudPort, retry *time.Timer) {
	if i.stopped {
		return
	}
	if wait := cloudRetryGap - time.Since(p.tried); wait > 0 && !p.tried.IsZero() {
		retry.Reset(wait)
		return
	}
	i.connect(p)
}

func cloudIsGone(index int) bool {
	_, err := netlink.LinkByIndex(index)
	return err != nil
}
