package filter

import (
	"container/heap"
	"sync"
	"sync/atomic"
)

// shard calls the queues that asked for it when their frames are due. It does
// not know the time: a timer calls fire.
type shard struct {
	// set has fire called at a time, once, instead of at the time set before.
	// It is called with mu held and reports false if there is no timer.
	set   func(due int64) bool
	total *atomic.Int64 // footprint of all queues of the clock

	mu     sync.Mutex
	queues queues
	awake  bool  // fire is running, and will set the timer
	next   int64 // what the timer is set to; never if it is not
	closed bool
	turn   []*queue // of fire
}

// arm has q.release called at due, or earlier if that was asked for before. It is
// false if the shard is closed.
func (s *shard) arm(q *queue, due int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return false
	case q.index < 0:
		q.due = due
		heap.Push(&s.queues, q)
	case due < q.due:
		q.due = due
		heap.Fix(&s.queues, q.index)
	}
	return s.wakeLocked()
}

// wakeLocked sets the timer if it would come too late.
func (s *shard) wakeLocked() bool {
	if s.awake || len(s.queues) == 0 || s.queues[0].due >= s.next {
		return true
	}
	if !s.set(s.queues[0].due) {
		return false
	}
	s.next = s.queues[0].due
	return true
}

// fire releases what is due, each queue in its turn, until nothing is. now tells
// the time.
func (s *shard) fire(now func() int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awake, s.next = true, never
	for !s.closed {
		at := now()
		s.turn = s.turn[:0]
		for len(s.queues) > 0 && s.queues[0].due <= at+slack {
			s.turn = append(s.turn, heap.Pop(&s.queues).(*queue))
		}
		if len(s.turn) == 0 {
			break
		}
		s.mu.Unlock()
		for _, q := range s.turn {
			q.release(at)
		}
		clear(s.turn)
		s.mu.Lock()
	}
	s.awake = false
	s.wakeLocked()
}

// close makes arm fail from now on.
func (s *shard) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.queues = nil
}

// queues is a heap by the time when they want to be called.
type queues []*queue

var _ heap.Interface = (*queues)(nil)

func (q queues) Len() int           { return len(q) }
func (q queues) Less(i, j int) bool { return q[i].due < q[j].due }
func (q queues) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push is for package heap only.
func (q *queues) Push(x any) {
	one := x.(*queue)
	one.index = len(*q)
	*q = append(*q, one)
}

// Pop is for package heap only.
func (q *queues) Pop() any {
	n := len(*q) - 1
	one := (*q)[n]
	(*q)[n] = nil
	*q = (*q)[:n]
	one.index = -1
	return one
}
