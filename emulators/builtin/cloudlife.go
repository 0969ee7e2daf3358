package builtin

import (
	"sync"

	"github.com/lanyard-lab/lanyard/emulators"
)

// cloudLife is the end of an instance that ends only when it is stopped.
type cloudLife struct {
	done chan struct{}

	mu    sync.Mutex
	ended bool
	onEnd []func()
}

func newCloudLife() *cloudLife { return &cloudLife{done: make(chan struct{})} }

// Done is closed when the instance was stopped.
func (l *cloudLife) Done() <-chan struct{} { return l.done }

// Exit is nil: such an instance does not end by itself.
func (l *cloudLife) Exit() error { return nil }

// OnEnd calls f once the instance has ended.
func (l *cloudLife) OnEnd(f func()) {
	l.mu.Lock()
	if !l.ended {
		l.onEnd = append(l.onEnd, f)
		l.mu.Unlock()
		return
	}
	l.mu.Unlock()
	f()
}

// end tells everybody; only the first call does.
func (l *cloudLife) end() {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return
	}
	l.ended = true
	calls := l.onEnd
	l.onEnd = nil
	close(l.done)
	l.mu.Unlock()
	for _, f := range calls {
		f()
	}
}

// cloudPrint writes a line to a console, if there is one.
func cloudPrint(c emulators.Console, line string) {
	if c != nil {
		_, _ = c.Write([]byte(line + "\r\n"))
	}
}
