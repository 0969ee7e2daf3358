package pc

import (
	"bytes"
	"strings"
)

// screen is what the client's terminal shows of the line, and the bytes that
// change it.
type screen struct {
	text   []rune
	cursor int
	out    []byte
	bell   bool
	wipe   bool // erase the old line and write the new one, as vpcs does for the history
}

// update makes the screen show line with the cursor where it should be.
func (s *screen) update(line []rune, cursor int) {
	if s.wipe {
		s.move(len(s.text))
		s.repeat("\b \b", width(s.text))
		s.text, s.cursor, s.wipe = nil, 0, false
	}
	same := 0
	for same < len(line) && same < len(s.text) && line[same] == s.text[same] {
		same++
	}
	if same < len(s.text) || same < len(line) {
		s.move(same)
		s.print(line[same:])
		gone := width(s.text[same:]) - width(line[same:])
		if gone > 0 {
			s.repeat(" ", gone)
			s.repeat("\b", gone)
		}
		s.text, s.cursor = append(s.text[:0:0], line...), len(line)
	}
	s.move(cursor)
	if s.bell {
		s.out = append(s.out, '\a')
		s.bell = false
	}
}

// move moves the cursor within the text.
func (s *screen) move(to int) {
	if to < s.cursor {
		s.repeat("\b", width(s.text[to:s.cursor]))
	} else {
		s.print(s.text[s.cursor:to])
	}
	s.cursor = to
}

func (s *screen) print(text []rune)         { s.out = append(s.out, string(text)...) }
func (s *screen) repeat(what string, n int) { s.out = append(s.out, strings.Repeat(what, n)...) }
func (s *screen) show(text string)          { s.out = append(s.out, text...) }
func (s *screen) clear(prompt string)       { s.restart("\x1b[H\x1b[2J" + strings.TrimLeft(prompt, "\r\n")) }
func (s *screen) restart(text string)       { s.show(text); s.text, s.cursor = nil, 0 }
func (s *screen) below(text, prompt string) { s.move(len(s.text)); s.restart(text + prompt) }

// width is how many columns text takes. Only the common ranges of double
// width are known; a wrong guess garbles the line until it is redrawn.
func width(text []rune) int {
	n := 0
	for _, r := range text {
		n++
		if r >= 0x1100 && (r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 ||
			r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 ||
			r >= 0x1f300 && r <= 0x1faff || r >= 0x20000 && r <= 0x3fffd) {
			n++
		}
		if r >= 0x300 && r <= 0x36f {
			n--
		}
	}
	return n
}

// crlf turns line feeds into CR LF.
func crlf(s string) []byte { return bytes.ReplaceAll([]byte(s), []byte("\n"), []byte("\r\n")) }
