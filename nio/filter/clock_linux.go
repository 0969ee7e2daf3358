package filter

import (
	"encoding/binary"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Clock wakes the lines that hold frames back. Safe for concurrent use.
//
// It uses one kernel timer for each CPU, in nanoseconds, because those of the
// runtime are up to a millisecond late in a process that is idle. What no line
// has asked for yet does not exist: an unused clock has neither goroutine nor
// file.
type Clock struct {
	begun  time.Time // times are since then
	offset int64     // of begun, in nanoseconds of CLOCK_MONOTONIC
	total  atomic.Int64
	next   atomic.Uint32 // whose turn it is to get a line
	shards []*shard
	timers []*timer
}

// NewClock makes a clock that must be closed.
func NewClock() *Clock {
	c := &Clock{}
	var monotonic unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &monotonic) // cannot fail
	c.begun, c.offset = time.Now(), monotonic.Nano()
	for range runtime.GOMAXPROCS(0) {
		t := &timer{clock: c}
		s := &shard{total: &c.total, next: never, set: t.set}
		t.shard = s
		c.shards, c.timers = append(c.shards, s), append(c.timers, t)
	}
	return c
}

// Close ends the clock and waits for its goroutines, so it must not be called by
// what a line hands frames to. Frames that lines hold are never handed on, later
// ones that would be held are dropped.
func (c *Clock) Close() {
	for i, s := range c.shards {
		s.close()
		c.timers[i].close()
	}
}

func (c *Clock) now() int64 { return int64(time.Since(c.begun)) }

// shard returns the one for the next line.
func (c *Clock) shard() *shard {
	return c.shards[int(c.next.Add(1))%len(c.shards)]
}

// timer calls a shard. It is made when it is first set.
type timer struct {
	clock *Clock
	shard *shard
	done  sync.WaitGroup

	// Guarded by shard.mu.
	file *os.File
	fd   int
}

// set is the shard's.
func (t *timer) set(due int64) bool {
	if t.file == nil && !t.open() {
		return false
	}
	// What is due within slack is handed on, so that may begin so much earlier:
	// waking up takes most of it. A time of 0 would turn the timer off, and one
	// that has passed is due.
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(1, t.clock.offset+due-slack))}
	_, _, errno := unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(t.fd), unix.TFD_TIMER_ABSTIME,
		uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
	return errno == 0
}

func (t *timer) open() bool {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return false
	}
	file := os.NewFile(uintptr(fd), "timerfd")
	conn, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return false
	}
	t.file, t.fd = file, fd
	t.done.Go(func() { t.run(conn) })
	return true
}

// run calls the shard whenever the timer has expired, until the file is closed.
func (t *timer) run(conn syscall.RawConn) {
	for {
		err := conn.Read(expired)
		if err != nil {
			return
		}
		t.shard.fire(t.clock.now)
	}
}

// expired takes the expiry of a timer, and is false if there is none.
func expired(fd uintptr) bool {
	var count [8]byte
	_, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&count)), uintptr(len(count)))
	return errno == 0 && binary.NativeEndian.Uint64(count[:]) > 0
}

func (t *timer) close() {
	t.shard.mu.Lock()
	file := t.file
	t.shard.mu.Unlock()
	if file != nil {
		_ = file.Close()
	}
	t.done.Wait()
}
