package filter

import (
	"encoding/binary"
	"testing"
	"time"
)

// course is a line in virtual time: a shard whose timer is turned by hand.
type course struct {
	line  *Line
	shard *shard
	now   int64
	timer int64
	came  []arrival
}

// arrival is a frame that was handed on.
type arrival struct {
	at     int64
	number uint64
	size   int
}

func newCourse(t testing.TB, seed uint64, s Settings) *course {
	t.Helper()
	c := &course{timer: never}
	clock := &Clock{begun: time.Now()}
	c.shard = &shard{total: &clock.total, next: never, set: func(due int64) bool {
		c.timer = due
		return true
	}}
	clock.shards = []*shard{c.shard}
	c.line = New(clock, seed)
	c.line.setAt(0, s)
	return c
}

// numbered is a frame that tells its number.
func numbered(n, size int) []byte {
	f := make([]byte, size)
	binary.BigEndian.PutUint64(f, uint64(n))
	return f
}

// send gives the line frames at the course's time, and returns those that got
// through.
func (c *course) send(frames ...[]byte) [][]byte {
	picked := c.line.Pick(frames, nil)
	if len(picked) == 0 {
		return nil
	}
	state := c.line.live.Load()
	if state == nil {
		c.take(picked)
		return picked
	}
	state.queue.hold(c.now, picked, c.take)
	return picked
}

func (c *course) take(frames [][]byte) {
	for _, f := range frames {
		c.came = append(c.came, arrival{c.now, binary.BigEndian.Uint64(f), len(f)})
	}
}

// run lets time pass.
func (c *course) run(until time.Duration) {
	for c.timer <= int64(until) {
		c.now = max(c.now, c.timer)
		c.timer = never
		c.shard.fire(func() int64 { return c.now })
	}
	c.now = int64(until)
}

// finish lets all frames out.
func (c *course) finish() {
	for c.timer != never {
		c.run(time.Duration(c.timer))
	}
}

// drops are the counters of the line.
func (c *course) drops() map[string]uint64 {
	all := map[string]uint64{}
	c.line.EachDrop(func(cause string, n uint64) {
		if n > 0 {
			all[cause] = n
		}
	})
	return all
}
