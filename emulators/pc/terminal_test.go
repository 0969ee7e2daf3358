package pc

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const testPrompt = "\r\n\rPC1> "

// TestKeys follows a recorded vpcs 0.8.3 session key by key, with the keys that vpcs lacks.
func TestKeys(t *testing.T) {
	term := &terminal{complete: completions}
	for _, tc := range []struct{ name, in, out string }{
		{"typing", "shoq", "shoq"},
		{"delete", "\x7f", "\b \b"},
		{"backspace", "\b", "\b \b"},
		{"typing", "ow echo", "ow echo"},
		{"left", "\x1b[D\x1b[D\x1b[D", "\b\b\b"},
		{"insert", "X", "Xcho\b\b\b"},
		{"backspace inside", "\b", "\bcho \b\b\b\b"},
		{"home", "\x1b[1~", "\b\b\b\b\b\b"},
		{"end", "\x1b[4~", "show echo"},
		{"right at the end", "\x1b[C", ""},
		{"home", "\x1b[H", "\b\b\b\b\b\b\b\b\b"},
		{"end", "\x1bOF", "show echo"},
		{"Ctrl-A", "\x01", "\b\b\b\b\b\b\b\b\b"},
		{"delete", "\x1b[3~", "how echo \b\b\b\b\b\b\b\b\b"},
		{"Ctrl-D", "\x04", "ow echo \b\b\b\b\b\b\b\b"},
		{"Ctrl-E", "\x05", "ow echo"},
		{"Ctrl-W", "\x17", "\b\b\b\b    \b\b\b\b"},
		{"Ctrl-U", "\x15", "\b\b\b   \b\b\b"},
		{"UTF-8", "\xc3\xa9", "é"},
		{"UTF-8 in parts", "\xe6\x97", ""},
		{"UTF-8 in parts", "\xa5", "日"},
		{"wide backspace", "\b", "\b\b  \b\b"},
		{"invalid UTF-8", "\xff\xc3x\x80", "x"},
		{"unknown keys", "\x1b[99;99u\x1bq\x1a", ""},
		{"Ctrl-L", "\x0c", "\x1b[H\x1b[2J" + "PC1> éx"},
		{"Ctrl-U", "\x15", "\b\b  \b\b"},
		{"Tab", "vers\t", "version "},
		{"Ctrl-U", "\x15", strings.Repeat("\b", 8) + "        " + strings.Repeat("\b", 8)},
		{"Tab with a common part", "ne\t", "neighbor "},
		{"Ctrl-U", "\x15", strings.Repeat("\b", 9) + "         " + strings.Repeat("\b", 9)},
		{"Tab with choices", "show i", "show i"},
		{"Tab with choices", "\t", "p"},
		{"Tab with choices", "\t", "\r\nip  ipv6" + testPrompt + "show ip"},
		{"Tab without choices", "x\t", "x\a"},
	} {
		out, ev, _, n := term.feed([]byte(tc.in), testPrompt)
		if string(out) != tc.out || ev != none || n != len(tc.in) {
			t.Errorf("%s: feed(%q) = %q, %d, %d bytes, want %q", tc.name, tc.in, out, ev, n, tc.out)
		}
	}
}

func TestLineEnds(t *testing.T) {
	for _, end := range []string{"\r", "\n", "\r\n", "\r\x00"} {
		term, rest := &terminal{}, []byte("one"+end+"two"+end)
		var lines []string
		for len(rest) > 0 {
			_, ev, line, n := term.feed(rest, "")
			if rest = rest[n:]; ev == accepted {
				lines = append(lines, line)
			}
		}
		if !slices.Equal(lines, []string{"one", "two"}) {
			t.Errorf("lines ended by %q = %q", end, lines)
		}
	}
}

func TestHistoryKeys(t *testing.T) {
	term := &terminal{}
	for _, line := range []string{"show arp", "ping x", "show ip"} {
		term.history.add(line)
	}
	wipe := func(n int) string { return strings.Repeat("\b \b", n) }
	for _, tc := range []struct{ name, in, out string }{
		{"up", "\x1b[A", "show ip"},
		{"up", "\x1b[A", wipe(7) + "ping x"},
		{"up", "\x1b[A", wipe(6) + "show arp"},
		{"up at the oldest", "\x1b[A", ""},
		{"down", "\x1b[B", wipe(8) + "ping x"},
		{"down", "\x1b[B", wipe(6) + "show ip"},
		{"down to what was typed", "\x1b[B", wipe(7)},
		{"down at the end", "\x1b[B", ""},
		{"typed", "sh", "sh"},
		{"prefix search", "\x1b[A", wipe(2) + "show ip"},
		{"prefix search", "\x1b[A", wipe(7) + "show arp"},
		{"back", "\x1b[B\x1b[B", wipe(8) + "sh"},
	} {
		if out, _, _, _ := term.feed([]byte(tc.in), testPrompt); string(out) != tc.out {
			t.Errorf("%s: feed(%q) = %q, want %q", tc.name, tc.in, out, tc.out)
		}
	}
}

func TestLongLine(t *testing.T) {
	term := &terminal{}
	bells, size := 0, 0
	for range 1 << 20 / 1000 {
		out, ev, _, _ := term.feed(bytes.Repeat([]byte("x"), 1000), testPrompt)
		if ev != none {
			t.Fatalf("feed ended with %d", ev)
		}
		bells += bytes.Count(out, []byte("\a"))
		size = max(size, cap(term.line))
	}
	if bells != 1 || size > 2*maxLine {
		t.Errorf("1 MB without a line end: %d bells, %d characters kept", bells, size)
	}
	if _, ev, _, _ := term.feed([]byte("\r"), testPrompt); ev != overlong {
		t.Errorf("Enter after it = %d, want overlong", ev)
	}
	if _, ev, line, _ := term.feed([]byte("show\r"), testPrompt); ev != accepted || line != "show" {
		t.Errorf("the next line = %q, %d", line, ev)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var h history
	for i := range 200 {
		h.add(strings.Repeat("x", i+1))
	}
	if len(h.lines) != historyLines || len(h.lines[0]) != 151 {
		t.Fatalf("%d lines, the first of %d bytes", len(h.lines), len(h.lines[0]))
	}
	var again history
	again.decode(h.encode())
	if !slices.Equal(again.lines, h.lines) {
		t.Errorf("history read back = %q", again.lines)
	}
	again.decode([]byte("bad\x1b[2J\n\xff\ngood\n"))
	if last := again.lines[len(again.lines)-2:]; last[1] != "good" || strings.Contains(last[0], "\x1b") {
		t.Errorf("history from a strange file ends with %q", last)
	}
}

func FuzzTerminal(f *testing.F) {
	f.Add([]byte("show ip\r\nping\t\x1b[A\x1b[1~\x03"), 3)
	f.Add([]byte("\xe6\x97\xa5\x1b[D\b\x1b[A\x1b[B\x17\x15\x01\x04\x0c"), 1)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		one, two := &terminal{complete: completions}, &terminal{complete: completions}
		lines := func(term *terminal, parts ...[]byte) (got []string) {
			term.history.add("show arp")
			for _, p := range parts {
				for len(p) > 0 {
					out, ev, line, n := term.feed(p, testPrompt)
					if n < 1 || n > len(p) {
						t.Fatalf("feed used %d of %d bytes", n, len(p))
					}
					if !utf8.Valid(out) || len(term.line) > maxLine || term.size != len(string(term.line)) ||
						term.cursor < 0 || term.cursor > len(term.line) || len(term.pending) > 16 {
						t.Fatalf("bad state: %+v, out %q", term, out)
					}
					if ev != none {
						got = append(got, line)
					}
					p = p[n:]
				}
			}
			return append(got, string(term.line))
		}
		cut = max(0, min(cut, len(in)))
		if a, b := lines(one, in), lines(two, in[:cut], in[cut:]); !slices.Equal(a, b) {
			t.Errorf("lines %q, but %q when cut at %d", a, b, cut)
		}
	})
}

// FuzzScreen checks that what is drawn is what is edited, on a one-line terminal.
func FuzzScreen(f *testing.F) {
	f.Add("show ip", "show echo", 3)
	f.Add("", "abc", 1)
	f.Fuzz(func(t *testing.T, before, after string, cursor int) {
		if !printable(before) || !printable(after) {
			t.Skip()
		}
		old, line := []rune(before), []rune(after)
		if width(old) != len(old) || width(line) != len(line) {
			t.Skip()
		}
		s := screen{text: slices.Clone(old), cursor: len(old)}
		cursor = max(0, min(cursor, len(line)))
		s.update(line, cursor)
		cells, at := append(slices.Clone(old), []rune(strings.Repeat(" ", len(line)+1))...), len(old)
		for _, r := range string(s.out) {
			if r == '\b' {
				at--
				continue
			}
			cells[at] = r
			at++
		}
		if got := strings.TrimRight(string(cells), " "); got != strings.TrimRight(after, " ") || at != cursor {
			t.Errorf("%q to %q: screen %q, cursor %d, want %d", before, after, got, at, cursor)
		}
	})
}
