package runner

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// tidyEvery is how often a runner looks whether it has become quiet.
const tidyEvery = 5 * time.Second

// tidy gives memory back to the system each time a burst of work is over, until
// ctx ends. Left alone, the garbage collector would keep about as much again as
// is in use; a quiet lab does not allocate, so nothing would make it run.
func tidy(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	seen, tidied := allocated(), uint64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := allocated()
		quiet := now-seen < 64<<10
		if quiet && now-tidied > 1<<20 {
			debug.FreeOSMemory()
			tidied = now
		}
		seen = now
	}
}

// allocated is the number of bytes allocated since the process began.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
