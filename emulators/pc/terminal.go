package pc

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// maxLine is the longest command line in bytes.
const maxLine = 4096

// event is what an input byte led to, beyond editing.
type event int

const (
	none      event = iota
	accepted        // a line was completed
	interrupt       // Ctrl-C
	overlong        // a line was completed that had been refused in part
)

// terminal is the line editor: bytes of keys in, bytes for the screen out. Its
// zero value is ready for use; it takes memory only while a line is being typed.
// The screen is brought up to date once per feed, so that what a burst of
// keys costs is bounded by the line length and not by the burst.
type terminal struct {
	line    []rune
	cursor  int
	size    int    // of line, in bytes
	pending []byte // an unfinished escape sequence or UTF-8 character
	typed   []rune // the line before the history was looked through
	at      int    // position in the history, valid while browsing
	state   terminalState
	history history
	// complete returns the words that could stand at the end of text, and
	// how many bytes at its end they replace.
	complete func(text string) (words []string, n int)
}

// terminalState holds the editor's flags.
type terminalState struct {
	afterCR  bool // the last byte was CR: a LF or NUL now belongs to it
	browsing bool // in the history
	full     bool // input was refused since the last change
}

// feed takes input up to and including the byte that makes an event. It returns
// what to send to the screen, the event, the line if it was accepted, and how
// many bytes were used.
func (t *terminal) feed(p []byte, prompt string) (out []byte, ev event, line string, n int) {
	s := screen{text: slices.Clone(t.line), cursor: t.cursor}
	for n < len(p) && ev == none {
		b := p[n]
		n++
		ev = t.key(&s, b, prompt)
	}
	s.update(t.line, t.cursor)
	if ev == accepted || ev == overlong {
		line = string(t.line)
	}
	if ev != none {
		t.reset()
	}
	return s.out, ev, line, n
}

func (t *terminal) reset() {
	t.line, t.typed, t.cursor, t.size = nil, nil, 0, 0
	t.state.browsing, t.state.full = false, false
}

// key handles one byte.
func (t *terminal) key(s *screen, b byte, prompt string) event {
	afterCR := t.state.afterCR
	t.state.afterCR = b == '\r'
	switch {
	case len(t.pending) > 0 && t.pending[0] == 0x1b:
		t.escape(s, b)
		return none
	case len(t.pending) > 0 && b&0xc0 == 0x80:
		t.utf8(s, b)
		return none
	}
	t.pending = t.pending[:0] // a character that was cut short is dropped
	switch {
	case afterCR && (b == '\n' || b == 0):
		return none
	case b == '\r' || b == '\n' || b == 0x10: // vpcs takes Ctrl-P as Enter
		if t.state.full {
			return overlong
		}
		return accepted
	case b == 0x03:
		return interrupt
	case b >= 0xc2 && b <= 0xf4 || b == 0x1b:
		t.pending = append(t.pending, b)
	case b >= ' ' && b < 0x7f:
		t.insert(s, rune(b))
	default:
		t.control(s, b, prompt)
	}
	return none
}

// control handles the control characters that edit.
func (t *terminal) control(s *screen, b byte, prompt string) {
	switch b {
	case 0x01: // Ctrl-A
		t.cursor = 0
	case 0x05: // Ctrl-E
		t.cursor = len(t.line)
	case 0x08, 0x7f:
		t.remove(t.cursor-1, t.cursor)
	case 0x04: // Ctrl-D
		t.remove(t.cursor, t.cursor+1)
	case 0x15: // Ctrl-U
		t.remove(0, t.cursor)
	case 0x17: // Ctrl-W
		from := t.cursor
		for from > 0 && t.line[from-1] == ' ' {
			from--
		}
		for from > 0 && t.line[from-1] != ' ' {
			from--
		}
		t.remove(from, t.cursor)
	case 0x0c: // Ctrl-L
		s.clear(prompt)
	case '\t':
		t.tab(s, prompt)
	}
}

// escape handles a byte of an escape sequence: ESC [ parameters final, or ESC O final.
func (t *terminal) escape(s *screen, b byte) {
	seq := append(t.pending, b)
	t.pending = seq
	switch {
	case len(seq) == 2 && (b == '[' || b == 'O'):
		return
	case len(seq) == 2 || b < ' ' || b > '~': // not one that we know
	case b < '@' && len(seq) < 16:
		return
	default:
		t.function(s, string(seq[2:]))
	}
	t.pending = nil
}

// function handles a function key by its sequence without introducer.
func (t *terminal) function(s *screen, key string) {
	switch key {
	case "A":
		t.older(s)
	case "B":
		t.newer(s)
	case "C":
		t.cursor = min(t.cursor+1, len(t.line))
	case "D":
		t.cursor = max(t.cursor-1, 0)
	case "H", "1~", "7~":
		t.cursor = 0
	case "F", "4~", "8~":
		t.cursor = len(t.line)
	case "3~":
		t.remove(t.cursor, t.cursor+1)
	}
}

// utf8 handles a continuation byte.
func (t *terminal) utf8(s *screen, b byte) {
	t.pending = append(t.pending, b)
	if !utf8.FullRune(t.pending) {
		return
	}
	r, size := utf8.DecodeRune(t.pending)
	t.pending = nil
	if r != utf8.RuneError && size > 1 && r >= 0xa0 {
		t.insert(s, r)
	}
}

// insert puts r at the cursor, or rings the bell when the line is full.
func (t *terminal) insert(s *screen, r rune) {
	if t.size+utf8.RuneLen(r) > maxLine {
		if !t.state.full {
			s.bell = true
		}
		t.state.full = true
		return
	}
	t.line = slices.Insert(t.line, t.cursor, r)
	t.cursor++
	t.size += utf8.RuneLen(r)
	t.state.browsing = false
}

// remove deletes the characters from..to-1 as far as they exist.
func (t *terminal) remove(from, to int) {
	from, to = max(from, 0), min(to, len(t.line))
	if from >= to {
		return
	}
	t.size -= len(string(t.line[from:to]))
	t.line = slices.Delete(t.line, from, to)
	t.cursor = from
	t.state.browsing, t.state.full = false, false
}

// older shows the nearest older line of the history that starts with what was typed.
func (t *terminal) older(s *screen) {
	if !t.state.browsing {
		t.typed, t.at, t.state.browsing = slices.Clone(t.line), len(t.history.lines), true
	}
	if at, ok := t.history.older(t.at, string(t.typed)); ok {
		t.at = at
		t.replace(s, []rune(t.history.lines[at]))
	}
}

// newer goes the other way; past the newest line comes what was typed.
func (t *terminal) newer(s *screen) {
	if !t.state.browsing || t.at >= len(t.history.lines) {
		return
	}
	if at, ok := t.history.newer(t.at, string(t.typed)); ok {
		t.at = at
		t.replace(s, []rune(t.history.lines[at]))
		return
	}
	t.at = len(t.history.lines)
	t.replace(s, slices.Clone(t.typed))
}

func (t *terminal) replace(s *screen, line []rune) {
	t.line, t.cursor, t.size, t.state.full = line, len(line), len(string(line)), false
	s.wipe = true
}

// tab completes the word before the cursor, or lists what it could become.
func (t *terminal) tab(s *screen, prompt string) {
	if t.complete == nil {
		return
	}
	words, n := t.complete(string(t.line[:t.cursor]))
	if len(words) == 0 {
		s.bell = true
		return
	}
	common := words[0]
	for _, word := range words[1:] {
		for !strings.HasPrefix(word, common) {
			common = common[:len(common)-1]
		}
	}
	if len(words) == 1 {
		common += " "
	}
	if len(common) == n && !s.bell {
		s.below("\r\n"+strings.Join(words, "  "), prompt)
		return
	}
	for _, r := range common[min(n, len(common)):] {
		t.insert(s, r)
	}
}
