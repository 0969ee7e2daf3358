package filter

import (
	"math/bits"
	"sync"

	"github.com/lanyard-lab/lanyard/nio"
)

// minBuffer is the size in bytes of the smallest buffer.
const minBuffer = 64

// buffer is a copy of a frame that waits.
type buffer struct {
	memory []byte // as long as its size class
	size   int    // of the frame
}

// buffers lends copies, by size class: powers of two from minBuffer on.
var buffers [11]sync.Pool // the last class is nio.MaxFrame

// class is the index of the smallest buffers that take a frame of size bytes.
func class(size int) int {
	return max(0, bits.Len(uint(max(size, 1)-1))-bits.Len(uint(minBuffer-1)))
}

// footprint is the memory in bytes that a waiting frame of size bytes costs,
// with what is noted about it.
func footprint(size int) int { return minBuffer<<class(size) + 64 }

// keep copies a frame, which is not longer than nio.MaxFrame.
func keep(frame []byte) *buffer {
	c := class(len(frame))
	b, _ := buffers[c].Get().(*buffer)
	if b == nil {
		b = &buffer{memory: make([]byte, minBuffer<<c)}
	}
	b.size = copy(b.memory, frame)
	return b
}

func (b *buffer) frame() []byte { return b.memory[:b.size:b.size] }

// release gives the copy back.
func (b *buffer) release() { buffers[class(len(b.memory))].Put(b) }

var _ = [1]struct{}{}[minBuffer<<(len(buffers)-1)-nio.MaxFrame] // the last class is the longest frame
