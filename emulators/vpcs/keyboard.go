package vpcs

import (
	"bytes"
	"sync"
	"time"
)

const (
	ctrlC, ctrlP, ctrlX, escape = 0x03, 0x10, 0x18, 0x1b

	keysLimit    = 4096             // keys that wait; more are dropped
	commandLimit = 126              // characters of a line; vpcs writes behind its buffer from 128
	holdTime     = 60 * time.Second // that typing waits for a command to end
	stopTime     = time.Second      // the same, after Ctrl-C: one between two commands has no effect
)

// keyboard is a bounded queue of what clients type. It lets a line through
// only when vpcs shows its prompt: vpcs drops what follows a line end in what
// it reads. Ctrl-C overtakes, and clears the queue, as on any terminal.
type keyboard struct {
	wake  chan struct{}
	shell bool // "!" would run a program on the host: it is dropped

	mu       sync.Mutex
	queue    []byte
	sequence []byte        // escape sequence that is not complete
	length   int           // of the line that is being typed, at most: a bound
	longest  int           // that a line of the history can have, at most
	moved    bool          // the cursor may be at the start, where backspace does nothing
	afterC   bool          // a CR came last: an LF or NUL belongs to it
	held     time.Duration // limit of the wait for the command that runs; 0: none does
	keys     bool          // it wants keys
}

// newKeyboard of a vpcs whose history has lines of a length already.
func newKeyboard(longest int) *keyboard {
	return &keyboard{wake: make(chan struct{}, 1), held: holdTime, longest: min(longest, commandLimit)}
}

// typed takes what clients type; it never blocks.
func (k *keyboard) typed(p []byte) {
	k.mu.Lock()
	for _, b := range p {
		k.key(b)
	}
	k.mu.Unlock()
	k.notify()
}

func (k *keyboard) key(b byte) {
	joined := k.afterC && (b == '\n' || b == 0)
	k.afterC = b == '\r'
	switch {
	case joined:
	case len(k.sequence) > 0 && b != escape && b >= ' ':
		k.extend(b)
	case b == '!' && k.shell:
	case b == escape:
		k.sequence = append(k.sequence[:0], b)
	case b == '\r', b == '\n', b == ctrlP:
		k.longest = max(k.longest, k.length)
		k.newLine()
		k.put('\r')
	case b == ctrlC:
		k.queue, k.held = k.queue[:0], 0
		k.newLine()
		k.put(b)
	case b == '\b', b == 0x7f:
		if !k.moved && k.length > 0 {
			k.length--
		}
		k.put(b)
	case b >= ' ' && b < 0x7f && k.length < commandLimit:
		k.length++
		k.put(b)
	case b == '\t', b == ctrlX:
		k.put(b)
	} // what is left would stop or kill it
}

func (k *keyboard) newLine() {
	k.length, k.moved, k.sequence = 0, false, k.sequence[:0]
}

// extend an escape sequence. Those that vpcs does not know it would take for text.
func (k *keyboard) extend(b byte) {
	k.sequence = append(k.sequence, b)
	n := len(k.sequence)
	if n == 2 && (b == '[' || b == 'O') || b >= '0' && b <= '9' && n < 8 || b == ';' && n < 8 {
		return
	}
	key := string(k.sequence[2:])
	k.sequence = k.sequence[:0]
	k.moved = true
	switch key {
	case "A", "B":
		k.length = max(k.length, k.longest)
	case "C", "D", "1~", "4~":
	case "H":
		key = "1~"
	case "F":
		key = "4~"
	default:
		return
	}
	k.put(append([]byte{escape, '['}, key...)...)
}

// put keys into the queue, all or none.
func (k *keyboard) put(keys ...byte) {
	if len(k.queue)+len(keys) <= keysLimit {
		k.queue = append(k.queue, keys...)
	}
}

// next takes the keys that vpcs may have now, at most to the end of a line.
// When there are none because a command runs, wait is how long it may take.
func (k *keyboard) next() (keys []byte, wait time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.held > 0 && !k.keys {
		return nil, k.held
	}
	n := len(k.queue)
	if i := bytes.IndexAny(k.queue, "\r\x03"); i >= 0 {
		n = i + 1
		k.held, k.keys = holdTime, false
		if k.queue[i] == ctrlC {
			k.held = stopTime
		}
	}
	keys = bytes.Clone(k.queue[:n])
	k.queue = append(k.queue[:0], k.queue[n:]...)
	return keys, 0
}

// prompt says that vpcs waits for a command.
func (k *keyboard) prompt() {
	k.mu.Lock()
	k.held, k.keys = 0, false
	k.mu.Unlock()
	k.notify()
}

// wantsKeys says that the command that runs wants keys.
func (k *keyboard) wantsKeys() {
	k.mu.Lock()
	k.keys = true
	k.mu.Unlock()
	k.notify()
}

func (k *keyboard) notify() {
	select {
	case k.wake <- struct{}{}:
	default: // already told
	}
}
