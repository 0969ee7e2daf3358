package console

import "bytes"

// history keeps the last limit bytes that were written to it. It takes memory
// only for what it holds.
type history struct {
	limit   int
	data    []byte
	start   int  // of the oldest byte, once data is full
	wrapped bool // bytes were forgotten
}

func (h *history) write(p []byte) {
	if h.limit <= 0 || len(p) == 0 {
		return
	}
	if len(p) > h.limit {
		p = p[len(p)-h.limit:]
		h.wrapped = true
	}
	if room := h.limit - len(h.data); room > 0 {
		n := min(room, len(p))
		h.grow(n)
		h.data = append(h.data, p[:n]...)
		p = p[n:]
	}
	if len(p) == 0 {
		return
	}
	h.wrapped = true
	n := copy(h.data[h.start:], p)
	copy(h.data, p[n:])
	h.start = (h.start + len(p)) % h.limit
}

// grow makes room for n more bytes: by a quarter, never beyond the limit.
func (h *history) grow(n int) {
	need := len(h.data) + n
	if need <= cap(h.data) {
		return
	}
	grown := make([]byte, len(h.data), min(h.limit, max(need, need+need/4, 256)))
	copy(grown, h.data)
	h.data = grown
}

// bytes returns a copy of what is kept. When older bytes were forgotten it
// begins with a whole line, if there is one: no terminal likes half an escape
// sequence.
func (h *history) bytes() []byte {
	all := make([]byte, 0, len(h.data))
	all = append(all, h.data[h.start:]...)
	all = append(all, h.data[:h.start]...)
	if h.wrapped {
		if i := bytes.IndexByte(all, '\n'); i >= 0 {
			all = all[i+1:]
		}
	}
	return all
}
