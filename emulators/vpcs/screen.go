package vpcs

import (
	"bytes"
	"strings"

	"github.com/lanyard-lab/lanyard/emulators"
)

const (
	refusal   = "NOT daemon mode\r\n" // of disconnect, on a terminal
	goodbye   = "\r\nGood-bye\r\n"
	lineLimit = 512 // of what is remembered of a line
	lastCount = 20  // lines in the error of a start that failed
)

// watcher is told what goes by in the output, before the console gets it: so a
// client cannot answer before the watcher knows.
type watcher interface {
	sawPrompt()             // vpcs waits for a command
	sawWaiting()            // vpcs waits for keys that are no command
	sawTaken(report string) // its UDP port is taken
}

// screen follows the output of vpcs on its way to the console.
type screen struct {
	console emulators.Console
	watcher watcher

	line      []byte // since the last LF
	before    []byte // the line above
	withheld  int    // bytes of line that the console has not got
	goodbye   bool   // a disconnect was refused; hang up at the prompt
	lastWords []string
}

// write passes output on.
func (s *screen) write(p []byte) {
	var out []byte
	for _, b := range p {
		if len(s.line) < lineLimit {
			s.line = append(s.line, b)
		}
		s.withheld++
		if s.refuses() {
			if len(s.line) == len(refusal) {
				s.goodbye, s.withheld = true, 0
				s.line = s.line[:0]
			}
			continue
		}
		out = append(out, s.line[max(0, len(s.line)-s.withheld):len(s.line)-1]...)
		out = append(out, b)
		s.withheld = 0
		switch {
		case b == '\n':
			s.look(string(s.line))
			s.remember()
		case b == ' ' && isPrompt(s.line):
			s.watcher.sawPrompt()
			if s.goodbye {
				out = s.hangUp(out)
			}
		}
	}
	if strings.HasSuffix(string(s.line), "any key to continue") {
		s.watcher.sawWaiting()
	}
	if len(out) > 0 {
		s.console.Write(out)
	}
}

// refuses reports whether the line is, so far, the refusal of a disconnect; it
// is not when it echoes the line above.
func (s *screen) refuses() bool {
	return strings.HasPrefix(refusal, string(s.line)) && !bytes.Contains(s.before, []byte(refusal[:len(refusal)-2]))
}

// hangUp ends the client who typed, as the daemon does, and shows the others a
// prompt to go on at. It returns what is still to write.
func (s *screen) hangUp(out []byte) []byte {
	s.goodbye = false
	s.console.Write(append(out, goodbye...))
	s.console.HangUp()
	return append([]byte("\r\n"), s.line...)
}

// isPrompt reports whether a line is a prompt: vpcs writes LF CR name "> ".
func isPrompt(line []byte) bool {
	return len(line) > 3 && line[0] == '\r' && bytes.HasSuffix(line, []byte("> "))
}

// look at a whole line.
func (s *screen) look(line string) {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "Open port ") && strings.Contains(line, " error [") {
		s.watcher.sawTaken(line)
	}
	if strings.Contains(line, "press Ctrl+X to quit") {
		s.watcher.sawWaiting()
	}
}

// remember the line, which ends, for errors.
func (s *screen) remember() {
	if text := strings.TrimSpace(string(s.line)); text != "" {
		s.lastWords = append(s.lastWords, strings.ToValidUTF8(text, "?"))
		if len(s.lastWords) > lastCount {
			s.lastWords = s.lastWords[1:]
		}
	}
	s.before = append(s.before[:0], s.line...)
	s.line = s.line[:0]
}

// lastLines of the output, which has ended, to append to an error.
func (s *screen) lastLines() string {
	lines := s.lastWords
	if text := strings.TrimSpace(string(s.line)); text != "" {
		lines = append(lines[:len(lines):len(lines)], strings.ToValidUTF8(text, "?"))
	}
	if len(lines) == 0 {
		return "; its console shows nothing"
	}
	return "; the end of its console:\n" + strings.Join(lines[max(0, len(lines)-lastCount):], "\n")
}
