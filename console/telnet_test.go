package console

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
)

const iac = "\xff"

func TestDecode(t *testing.T) {
	for _, tc := range []struct {
		name, in, data, answers string
	}{
		{name: "plain", in: "show ip", data: "show ip"},
		{name: "CR NUL", in: "a\r\x00b", data: "a\rb"},
		{name: "CR LF", in: "a\r\nb", data: "a\rb"},
		{name: "CR alone", in: "a\rb", data: "a\rb"},
		{name: "CR CR NUL LF", in: "\r\r\x00\n", data: "\r\r\n"},
		{name: "LF alone", in: "a\nb", data: "a\nb"},
		{name: "NUL alone", in: "a\x00b", data: "a\x00b"},
		{name: "command between CR and LF", in: "\r" + iac + "\xf1\n", data: "\r"},
		{name: "binary passes line ends", in: iac + "\xfb\x00a\r\nb\r\x00", data: "a\r\nb\r\x00"},
		{name: "binary turned off", in: iac + "\xfb\x00" + iac + "\xfc\x00\r\n", data: "\r", answers: iac + "\xfe\x00"},
		{name: "escaped IAC", in: "a" + iac + iac + "b", data: "a\xffb"},
		{name: "eight bits", in: "\xc3\xa9", data: "\xc3\xa9"},
		{name: "NOP DM GA BRK AO", in: "a\xff\xf1\xff\xf2\xff\xf9\xff\xf3\xff\xf5b", data: "ab"},
		{name: "interrupt, erase, kill", in: iac + "\xf4" + iac + "\xf7" + iac + "\xf8", data: "\x03\x08\x15"},
		{name: "nonsense command", in: "a" + iac + "\x07b", data: "ab"},
		{name: "answers to the greeting", in: "\xff\xfd\x01\xff\xfd\x03\xff\xfd\x00\xff\xfb\x00\xff\xfb\x1f"},
		{name: "refusals of the greeting", in: "\xff\xfe\x01\xff\xfe\x03\xff\xfe\x00\xff\xfc\x00\xff\xfc\x1f"},
		{name: "client suppresses go-ahead", in: "\xff\xfb\x03\xff\xfb\x03", answers: "\xff\xfd\x03"},
		{name: "refused, then wanted", in: "\xff\xfe\x01\xff\xfd\x01\xff\xfd\x01", answers: "\xff\xfb\x01"},
		{name: "agreed, then not", in: "\xff\xfd\x01\xff\xfe\x01\xff\xfe\x01", answers: "\xff\xfc\x01"},
		{name: "unknown options", in: "\xff\xfb\x22\xff\xfd\x22\xff\xfc\x22\xff\xfe\x22", answers: "\xff\xfe\x22\xff\xfc\x22"},
		{name: "client offers to echo", in: "\xff\xfb\x01", answers: "\xff\xfe\x01"},
		{name: "other subnegotiation", in: "a\xff\xfa\x18\x00xterm\xff\xf0b", data: "ab"},
		{name: "subnegotiation broken off", in: "a\xff\xfa\x18xx\xff\xfd\x22b", data: "ab", answers: "\xff\xfc\x22"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newTelnet()
			data := string(c.decode(nil, []byte(tc.in)))
			if data != tc.data {
				t.Errorf("decode(%q) = %q, want %q", tc.in, data, tc.data)
			}
			if got := string(c.takeAnswers()); got != tc.answers {
				t.Errorf("answers to %q = %q, want %q", tc.in, got, tc.answers)
			}
		})
	}
}

func TestDecodeWindowSize(t *testing.T) {
	for _, tc := range []struct {
		name, in      string
		columns, rows int
	}{
		{"usual", "\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0", 80, 24},
		{"with IAC inside", "\xff\xfa\x1f\x00\xff\xff\x01\x02\xff\xf0", 255, 258},
		{"unknown", "\xff\xfa\x1f\x00\x00\x00\x00\xff\xf0", 0, 0},
		{"too short", "\xff\xfa\x1f\x00\x50\x00\xff\xf0", 0, 0},
		{"too long", "\xff\xfa\x1f\x00\x50\x00\x18\x00\xff\xf0", 0, 0},
		{"last counts", "\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0\xff\xfa\x1f\x00\x64\x00\x1e\xff\xf0", 100, 30},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newTelnet()
			if data := c.decode(nil, []byte(tc.in)); len(data) > 0 {
				t.Errorf("decode(%q) = %q, want nothing", tc.in, data)
			}
			if c.columns != tc.columns || c.rows != tc.rows {
				t.Errorf("size after %q = %dx%d, want %dx%d", tc.in, c.columns, c.rows, tc.columns, tc.rows)
			}
		})
	}
}

func TestDecodeStormIsBounded(t *testing.T) {
	c := newTelnet()
	storm := bytes.Repeat([]byte("\xff\xfd\x22\xff\xfe\x01\xff\xfd\x01"), 100_000)
	if data := c.decode(nil, append(storm, 'x')); string(data) != "x" {
		t.Errorf("decode(storm) = %q, want x", data)
	}
	if got := len(c.takeAnswers()); got != 3*maxAnswers {
		t.Errorf("%d bytes of answers, want %d", got, 3*maxAnswers)
	}
}

func TestDecodeEndlessSubnegotiation(t *testing.T) {
	c := newTelnet()
	c.decode(nil, []byte("\xff\xfa\x1f"))
	c.decode(nil, bytes.Repeat([]byte{'y'}, maxSubnegotiation))
	if data := c.decode(nil, []byte("typed")); string(data) != "typed" {
		t.Errorf("decode() after an endless subnegotiation = %q, want %q", data, "typed")
	}
}

// TestNoLoop lets two servers talk to each other, as a careless client would:
// whatever one starts with, they fall silent.
func TestNoLoop(t *testing.T) {
	for start := range 4 {
		for opt := range 256 {
			a, b := newTelnet(), newTelnet()
			msg := slices.Concat(greeting[:], []byte{cmdIAC, byte(cmdWILL + start), byte(opt)})
			for rounds := 0; len(msg) > 0; rounds++ {
				if rounds > 10 {
					t.Fatalf("option %d, command %d: still talking: %x", opt, cmdWILL+start, msg)
				}
				b.decode(nil, msg)
				msg = b.takeAnswers()
				a, b = b, a
			}
		}
	}
}

func TestEscape(t *testing.T) {
	if got := escape([]byte("<"), []byte("a\xffb\xff")); string(got) != "<a\xff\xffb\xff\xff" {
		t.Errorf("escape() = %q", got)
	}
}

// FuzzDecode checks that it does not matter where the stream is cut, that what
// is sent back is bounded, and that escaped text comes back as it was.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("a\r\nb\r\x00\xff\xff"), uint8(1))
	f.Add([]byte("\xff\xfa\x1f\x00\x50\xff\xff\x18\xff\xf0x"), uint8(2))
	f.Add([]byte("\xff\xfb\x00\xff\xfd\x22\xff\xf6\xff\xfa\xff\xfb\x03"), uint8(3))
	f.Fuzz(func(t *testing.T, in []byte, step uint8) {
		whole, cut := newTelnet(), newTelnet()
		want := whole.decode(nil, in)
		if len(want) > len(in) {
			t.Errorf("%d bytes became %d", len(in), len(want))
		}
		var got []byte
		for p := range slices.Chunk(in, int(step)+1) {
			got = cut.decode(got, p)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("decode in steps of %d = %q, want %q", int(step)+1, got, want)
		}
		if fmt.Sprintf("%+v", whole) != fmt.Sprintf("%+v", cut) {
			t.Errorf("after steps of %d: %+v, want %+v", int(step)+1, cut, whole)
		}
		if len(whole.answers) > 3*maxAnswers {
			t.Errorf("%d bytes of answers", len(whole.answers))
		}
		binary := newTelnet()
		binary.binary.them = optionYes
		if got := binary.decode(nil, escape(nil, in)); !bytes.Equal(got, in) {
			t.Errorf("decode(escape(%q)) = %q", in, got)
		}
	})
}
