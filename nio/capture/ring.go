package capture

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

const (
	// recordHeader is what precedes a frame in a chunk: its time, its length
	// and direction, and the length of what is kept.
	recordHeader = 16
	// firstChunk is the size of the first chunk of a ring, in bytes: so little
	// costs a link with a frame now and then. Later ones are four times as
	// large, up to maxChunk.
	firstChunk = 1 << 10
	maxChunk   = 64 << 10
)

// ring keeps the latest frames in chunks, which are used again when full and
// old. It is guarded by its recorder.
type ring struct {
	budget *Budget
	limit  int      // what chunks may hold together, in bytes
	held   int      // what they do
	chunks []*chunk // oldest first
}

// chunk holds records one after the other. Those that are there never change.
type chunk struct {
	data   []byte
	last   int64 // time of the last record
	shared bool  // somebody may be reading; it must not be used again
}

func (c *chunk) add(now int64, d nio.Direction, length int, kept []byte) {
	start := len(c.data)
	c.data = c.data[:start+recordHeader+len(kept)]
	b := c.data[start:]
	binary.LittleEndian.PutUint64(b[0:], uint64(now))
	binary.LittleEndian.PutUint32(b[8:], uint32(length)<<1|uint32(d))
	binary.LittleEndian.PutUint32(b[12:], uint32(len(kept)))
	copy(b[recordHeader:], kept)
	c.last = now
}

func (r *ring) newest() *chunk {
	if len(r.chunks) == 0 {
		return nil
	}
	return r.chunks[len(r.chunks)-1]
}

// extend adds a chunk with room for a record of need bytes, and gives up
// chunks before expiry and those that there is no room for. It returns nil if
// that did not help.
func (r *ring) extend(need int, expiry int64) *chunk {
	r.expire(expiry)
	size := min(firstChunk<<min(2*len(r.chunks), 10), maxChunk, r.limit/4)
	size = max(size, need)
	if size > r.limit {
		return nil
	}
	for r.held+size > r.limit {
		if c := r.drop(); cap(c.data) == size && !c.shared && r.budget.take(size) {
			return r.append(c, size)
		}
	}
	for !r.budget.take(size) {
		if len(r.chunks) == 0 {
			return nil
		}
		r.drop()
	}
	return r.append(&chunk{data: make([]byte, 0, size)}, size)
}

func (r *ring) append(c *chunk, size int) *chunk {
	c.data = c.data[:0]
	r.held += size
	r.chunks = append(r.chunks, c)
	return c
}

// expire drops chunks with nothing after expiry.
func (r *ring) expire(expiry int64) {
	for len(r.chunks) > 0 && r.chunks[0].last < expiry {
		r.drop()
	}
	if len(r.chunks) == 0 {
		r.chunks = nil
	}
}

// drop takes the oldest chunk out and gives its memory back.
func (r *ring) drop() *chunk {
	c := r.chunks[0]
	r.chunks = slices.Delete(r.chunks, 0, 1)
	r.held -= cap(c.data)
	r.budget.give(cap(c.data))
	return c
}

// past returns what is in the ring from one time to another. It copies nothing:
// the chunks are left to the reader when the ring has no use for them.
func (r *ring) past(from, until int64) past {
	p := past{from: from, until: until}
	for _, c := range r.chunks {
		if c.last >= from {
			c.shared = true
			p.chunks = append(p.chunks, c.data)
		}
	}
	return p
}

// past is a part of what was recorded, to be read once.
type past struct {
	from, until int64
	chunks      [][]byte // of whole records
}

// record is a frame in a chunk.
type record struct {
	time      int64
	direction nio.Direction
	length    int
	data      []byte
}

// next returns the first record and takes it out.
func (p *past) next() (record, bool) {
	for len(p.chunks) > 0 {
		b := p.chunks[0]
		if len(b) == 0 {
			p.chunks = p.chunks[1:]
			continue
		}
		length := binary.LittleEndian.Uint32(b[8:])
		end := recordHeader + int(binary.LittleEndian.Uint32(b[12:]))
		found := record{
			time:      int64(binary.LittleEndian.Uint64(b)),
			direction: nio.Direction(length & 1),
			length:    int(length >> 1),
			data:      b[recordHeader:end:end],
		}
		p.chunks[0] = b[end:]
		if p.from <= found.time && found.time <= p.until {
			return found, true
		}
	}
	return record{}, false
}

func (r record) export() Record {
	return Record{time.Unix(0, r.time), r.direction, r.length, r.data}
}
