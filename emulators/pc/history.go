package pc

import (
	"strings"
	"unicode/utf8"
)

const (
	historyLines = 50          // kept
	historyFile  = "vpcs.hist" // in the folder
)

// history is the list of lines that were typed, oldest first.
type history struct{ lines []string }

func (h *history) add(line string) {
	if len(h.lines) >= historyLines {
		h.lines = append(h.lines[:0:0], h.lines[len(h.lines)-historyLines+1:]...)
	}
	h.lines = append(h.lines, line)
}

// older returns the nearest line before index i that starts with prefix.
func (h *history) older(i int, prefix string) (int, bool) {
	for i--; i >= 0 && i < len(h.lines); i-- {
		if strings.HasPrefix(h.lines[i], prefix) {
			return i, true
		}
	}
	return 0, false
}

// newer returns the nearest line after index i that starts with prefix.
func (h *history) newer(i int, prefix string) (int, bool) {
	for i++; i >= 0 && i < len(h.lines); i++ {
		if strings.HasPrefix(h.lines[i], prefix) {
			return i, true
		}
	}
	return 0, false
}

func (h *history) encode() []byte {
	var b strings.Builder
	for _, line := range h.lines {
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// decode reads what encode wrote; lines that could not have been typed are skipped.
func (h *history) decode(data []byte) {
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		if line != "" && len(line) <= maxLine && printable(line) {
			h.add(line)
		}
	}
}

// printable reports whether s is valid UTF-8 without control characters.
func printable(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return false
		}
	}
	return true
}
