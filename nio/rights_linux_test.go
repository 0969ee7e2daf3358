package nio

import (
	"errors"
	"io/fs"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// sacrifice calls f in a thread of a new network namespace that prepare may
// spoil: it ends with f.
func sacrifice(t *testing.T, prepare func() error, f func()) {
	t.Helper()
	inside := enter(t)
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good
		err := unix.Setns(int(inside), unix.CLONE_NEWNET)
		if err == nil {
			err = prepare()
		}
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func dropRights() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return unix.Capset(&header, &none[0])
}

// hideTUN mounts an empty folder over /dev/net for this thread only.
func hideTUN() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return unix.Mount("tmpfs", "/dev/net", "tmpfs", 0, "")
}

func TestOpenTAPWithoutDevice(t *testing.T) {
	sacrifice(t, hideTUN, func() {
		if _, err := OpenTAP("tap0"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "kernel module tun") {
			t.Errorf("OpenTAP() = %v, want ENOENT and what to do", err)
		}
	})
}

func TestOpenWithoutRights(t *testing.T) {
	sacrifice(t, dropRights, func() {
		if _, err := OpenTAP("tap0"); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "CAP_NET_ADMIN") {
			t.Errorf("OpenTAP() = %v, want EPERM and the right that is missing", err)
		}
		if _, err := OpenPacket("lo"); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "CAP_NET_RAW") {
			t.Errorf("OpenPacket() = %v, want EPERM and the right that is missing", err)
		}
	})
}
