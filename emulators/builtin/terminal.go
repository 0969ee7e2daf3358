package builtin

const maxLine = 256 // bytes of a command

// lineEditor makes lines of keys and echoes them: ASCII, of which all commands
// are. Backspace removes a character, Ctrl-U and Ctrl-W the line and a word,
// Ctrl-C gives the line up; escape sequences are skipped.
type lineEditor struct {
	// run executes a line and returns what to print: whole lines.
	run func(line string) string

	line    []byte
	escape  int  // bytes of an escape sequence so far
	afterCR bool // a LF or NUL now belongs to it
}

// feed returns what goes to the screen.
func (e *lineEditor) feed(keys []byte, prompt func() string) (screen []byte) {
	for _, b := range keys {
		afterCR := e.afterCR
		e.afterCR = b == '\r'
		switch {
		case e.escape > 0:
			e.skip(b)
		case b == 0x1b:
			e.escape = 1
		case afterCR && (b == '\n' || b == 0):
		case b == '\r' || b == '\n':
			screen = append(screen, "\r\n"...)
			line := string(e.line)
			e.line = e.line[:0]
			screen = append(screen, e.run(line)...)
			screen = append(screen, prompt()...)
		case b == 0x03:
			e.line = e.line[:0]
			screen = append(screen, "^C\r\n"+prompt()...)
		case b == 0x08 || b == 0x7f:
			screen = e.erase(screen)
		case b == 0x15:
			for len(e.line) > 0 {
				screen = e.erase(screen)
			}
		case b == 0x17:
			screen = e.eraseWord(screen)
		case b >= ' ' && b < 0x7f:
			screen = e.insert(screen, b)
		}
	}
	return screen
}

// skip ends a sequence ESC x or ESC [ parameters x.
func (e *lineEditor) skip(b byte) {
	if e.escape == 1 && (b == '[' || b == 'O') || e.escape > 1 && b < '@' && e.escape < 16 {
		e.escape++
		return
	}
	e.escape = 0
}

func (e *lineEditor) insert(screen []byte, b byte) []byte {
	if len(e.line) == maxLine {
		return append(screen, '\a')
	}
	e.line = append(e.line, b)
	return append(screen, b)
}

func (e *lineEditor) eraseWord(screen []byte) []byte {
	for len(e.line) > 0 && e.line[len(e.line)-1] == ' ' {
		screen = e.erase(screen)
	}
	for len(e.line) > 0 && e.line[len(e.line)-1] != ' ' {
		screen = e.erase(screen)
	}
	return screen
}

// erase removes the last character.
func (e *lineEditor) erase(screen []byte) []byte {
	if len(e.line) == 0 {
		return screen
	}
	e.line = e.line[:len(e.line)-1]
	return append(screen, "\b \b"...)
}
