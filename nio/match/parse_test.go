package match

import (
	"strings"
	"testing"
)

// arp is what tcpdump -ddd prints for "arp".
const arp = "4\n40 0 0 12\n21 0 1 2054\n6 0 0 262144\n6 0 0 0\n"

func TestParse(t *testing.T) {
	for _, tc := range []struct{ name, text, words string }{
		{"good", arp, ""},
		{"empty", "", "number of instructions"},
		{"words", "tcpdump: help\n", "number of instructions"},
		{"none", "0\n", "0 instructions"},
		{"many", "4097\n", "4097 instructions"},
		{"short", "5\n" + arp[2:], "should have 5"},
		{"long", "3\n" + arp[2:], "should have 3"},
		{"field", "1\n6 0 0\n", `cannot read instruction "6 0 0"`},
		{"big field", "1\n6 256 0 0\n", "cannot read instruction"},
		{"negative", "1\n6 0 0 -1\n", "cannot read instruction"},
		{"unknown code", "2\n999 0 0 0\n6 0 0 0\n", "cannot run instruction"},
		{"negation", "2\n132 0 0 0\n6 0 0 0\n", "cannot run instruction"},
		{"packet type", "2\n40 0 0 4294963204\n6 0 0 1\n", "not in a frame"},
		{"no return", "1\n40 0 0 12\n", "cannot run the program"},
		{"jump out", "2\n5 0 0 4294967295\n6 0 0 0\n", "cannot run the program"},
		{"division", "2\n52 0 0 0\n6 0 0 0\n", "cannot run the program"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := parse(tc.text)
			if tc.words == "" && err != nil || tc.words != "" && (err == nil || !strings.Contains(err.Error(), tc.words)) {
				t.Errorf("parse(%q) = %v, want %q in it", tc.text, err, tc.words)
			}
		})
	}
}

// FuzzParse checks that what is accepted can be run on any frame.
func FuzzParse(f *testing.F) {
	f.Add(arp, []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x08\x06"))
	f.Add("6\n40 0 0 12\n21 0 3 2048\n48 0 0 23\n21 0 1 1\n6 0 0 262144\n6 0 0 0\n", make([]byte, 60))
	f.Add("5\n177 0 0 14\n72 0 0 4294967295\n2 0 0 15\n60 0 0 0\n22 0 0 0\n", make([]byte, 14))
	f.Add("3\n1 0 0 40\n108 0 0 0\n22 0 0 0\n", []byte{})
	f.Fuzz(func(t *testing.T, text string, frame []byte) {
		program, err := parse(text)
		if err != nil {
			return
		}
		before := string(frame)
		first := program.Match(frame)
		if program.Match(frame) != first {
			t.Error("Match gives two answers")
		}
		if string(frame) != before {
			t.Error("Match changes the frame")
		}
	})
}
