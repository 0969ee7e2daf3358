package vpcs

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
)

func TestArguments(t *testing.T) {
	udp := func(local, remote string) emulators.Jack {
		return emulators.Jack{Local: netip.MustParseAddrPort(local), Remote: netip.MustParseAddrPort(remote)}
	}
	jack := udp("127.0.0.1:10000", "127.0.0.1:10001")
	memory, other := nio.Pipe()
	defer memory.Close()
	defer other.Close()
	for _, tc := range []struct {
		name       string
		version    version
		properties string
		jacks      []emulators.Jack
		script     bool
		want       string // arguments, or a part of the error
	}{
		{"Debian's", version{0, 5}, `{"mac": "00:50:79:66:68:0a"}`, []emulators.Jack{jack}, false, "-i 1 -m 10 -s 10000 -c 10001 -t 127.0.0.1"},
		{"script", version{0, 5}, ``, []emulators.Jack{jack}, true, "-i 1 -m 0 -s 10000 -c 10001 -t 127.0.0.1 startup.vpc"},
		{"without relay", version{0, 8}, `{}`, []emulators.Jack{jack}, false, "-i 1 -m 0 -R -s 10000 -c 10001 -t 127.0.0.1"},
		{"first", version{1, 0}, `{"mac": "00-50-79-66-68-FF"}`, []emulators.Jack{jack}, false, "-i 1 -m 255 -R -s 10000 -c 10001 -t 127.0.0.1"},
		{"no port", version{0, 8}, `{}`, nil, false, "-i 1 -m 0 -R"},
		{"old", version{0, 4}, `{}`, nil, false, "error: vpcs 0.4 is too old"},
		{"other prefix", version{0, 8}, `{"mac": "00:50:79:66:69:01"}`, nil, false, "error: vpcs cannot have the MAC address 00:50:79:66:69:01"},
		{"no MAC", version{0, 8}, `{"mac": "x"}`, nil, false, `error: "x" is not a MAC address`},
		{"long MAC", version{0, 8}, `{"mac": "00:50:79:66:68:01:02:03"}`, nil, false, "is not a MAC address"},
		{"unknown property", version{0, 8}, `{"ram": 1}`, nil, false, `error: its properties are not valid: json: unknown field "ram"`},
		{"wrong type", version{0, 8}, `{"mac": 1}`, nil, false, "error: its properties are not valid"},
		{"more than one", version{0, 8}, `{} {}`, nil, false, "error: its properties are not valid"},
		{"two ports", version{0, 8}, `{}`, []emulators.Jack{jack, jack}, false, "error: vpcs has one port, not 2"},
		{"IPv6", version{0, 8}, `{}`, []emulators.Jack{udp("[::1]:1", "[::1]:2")}, false, "error: vpcs needs UDP ports on IPv4"},
		{"memory", version{0, 8}, `{}`, []emulators.Jack{{NIO: memory}}, false, "error: vpcs needs UDP ports"},
	} {
		p, err := decode(json.RawMessage(tc.properties))
		var args []string
		if err == nil {
			args, err = arguments(tc.version, p, tc.jacks, tc.script)
		}
		got := strings.Join(args, " ")
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != tc.want && (err == nil || !strings.Contains(got, tc.want)) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestParseVersion(t *testing.T) {
	for text, want := range map[string]version{
		"\r\nWelcome to Virtual PC Simulator, version 0.5b2\r\n": {0, 5},
		"Welcome to Virtual PC Simulator, version 0.8.3\n":       {0, 8},
		"Welcome to Virtual PC Simulator, version 0.8beta":       {0, 8},
		"Welcome to Virtual PC Simulator, version 1.12":          {1, 12},
	} {
		if got, ok := parseVersion([]byte(text)); !ok || got != want {
			t.Errorf("parseVersion(%q) = %v, %v, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "version 0.8.3", "Virtual PC Simulator, version x"} {
		if got, ok := parseVersion([]byte(text)); ok {
			t.Errorf("parseVersion(%q) = %v", text, got)
		}
	}
}

func TestScreen(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"plain", "\r\nVPCS\r\n\r\n\rVPCS> ", "\r\nVPCS\r\n\r\n\rVPCS> "},
		{"disconnect", "\r\n\rPC> disconnect\r\nNOT daemon mode\r\n\r\n\rPC> ", "\r\n\rPC> disconnect\r\n\r\n\rPC> \r\nGood-bye\r\n^\r\n\rPC> "},
		{"echo of it", "\r\n\rPC> echo NOT daemon mode\r\nNOT daemon mode\r\n\rPC> ", "\r\n\rPC> echo NOT daemon mode\r\nNOT daemon mode\r\n\rPC> "},
		{"nearly", "\r\nNAME\r\nNOT daemon\r\nN\rx", "\r\nNAME\r\nNOT daemon\r\nN\rx"},
		{"long", strings.Repeat("x", 2000) + "\r\n\rPC> ", strings.Repeat("x", 2000) + "\r\n\rPC> "},
	} {
		for _, size := range []int{1, 2, 7, len(tc.in)} {
			if got := through(tc.in, size); got != tc.want {
				t.Errorf("%s, by %d: %q, want %q", tc.name, size, got, tc.want)
			}
		}
	}
}

// nobody watches.
type nobody struct{}

func (nobody) sawPrompt()      {}
func (nobody) sawWaiting()     {}
func (nobody) sawTaken(string) {}

// through the screen in chunks of a size; ^ stands for a hang-up.
func through(in string, size int) string {
	r := newRecorder()
	s := screen{console: r, watcher: nobody{}}
	for chunk := range slices.Chunk([]byte(in), size) {
		s.write(chunk)
	}
	out := r.String()
	for i := len(r.hangUps) - 1; i >= 0; i-- {
		out = out[:r.hangUps[i]] + "^" + out[r.hangUps[i]:]
	}
	return out
}

func FuzzScreen(f *testing.F) {
	f.Add("\r\n\rPC> disconnect\r\nNOT daemon mode\r\n\r\n\rPC> ", 3)
	f.Add(strings.Repeat("N", 600)+"\nNOT daemon mode\r\n\r\rPC> ", 511)
	f.Add("\n\r\x00> Open port 1 error [", 1)
	f.Fuzz(func(t *testing.T, in string, size int) {
		if len(in) == 0 {
			return
		}
		size = 1 + (size&0xffff)%len(in)
		whole, parts := through(in, len(in)), through(in, size)
		if whole != parts {
			t.Fatalf("by %d: %q, whole: %q", size, parts, whole)
		}
		// Nothing is lost but a refusal, or what may become one.
		if !strings.Contains(in, "NOT daemon mode\r\n") && !strings.HasPrefix(in, whole) {
			t.Fatalf("%q became %q", in, whole)
		}
	})
}

func TestKeyboard(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	for _, tc := range []struct {
		name string
		in   []string
		want []string // what comes out, with a prompt after each
	}{
		{"line by line", []string{"one\rtwo\nthree\r\nfour\r\x00", "five"}, []string{"one\r", "two\r", "three\r", "four\r", "five"}},
		{"CR LF apart", []string{"a\r", "\nb\n", "\n"}, []string{"a\r", "b\r", "\r"}},
		{"Ctrl-C clears", []string{"one\rtwo\r\x03three\r"}, []string{"\x03", "three\r"}},
		{"keys", []string{"a\x1b[Ab\x1b", "[Dc\x1b[1~\x1b[4~"}, []string{"a\x1b[Ab\x1b[Dc\x1b[1~\x1b[4~"}},
		{"other keys", []string{"\x1b[H\x1bOF\x1b[3~\x1b[1;5Cq\x1bOP\x1b\x1b[A"}, []string{"\x1b[1~\x1b[4~q\x1b[A"}},
		{"dangerous", []string{"a\x1c\x1a\x13\x04\x00\xff\xc3\xa9b"}, []string{"ab"}},
		{"accept", []string{"a\x10b"}, []string{"a\r", "b"}},
		{"long", []string{x(1000) + "\r" + x(commandLimit)}, []string{x(commandLimit) + "\r", x(commandLimit)}},
		{"long and corrected", []string{x(1000) + "\b\b" + x(9)}, []string{x(commandLimit) + "\b\bxx"}},
		{"backspace where it does nothing", []string{x(commandLimit) + "\x1b[1~\bx"}, []string{x(commandLimit) + "\x1b[1~\b"}},
		{"recall", []string{x(100) + "\r\x1b[A" + x(1000)}, []string{x(100) + "\r", "\x1b[A" + x(commandLimit-100)}},
		{"flood", []string{strings.Repeat("x\r", keysLimit)}, slices.Repeat([]string{"x\r"}, keysLimit/2)},
	} {
		k := newKeyboard(0)
		for _, in := range tc.in {
			k.typed([]byte(in))
		}
		var got []string
		if keys, wait := k.next(); len(keys) > 0 && keys[0] != ctrlC {
			t.Errorf("%s: %q (%v) before the first prompt", tc.name, keys, wait)
		} else if len(keys) > 0 {
			got = append(got, string(keys))
		}
		for len(got) <= len(tc.want) {
			k.prompt()
			keys, _ := k.next()
			if len(keys) == 0 {
				break
			}
			got = append(got, string(keys))
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
}

func FuzzKeyboard(f *testing.F) {
	f.Add([]byte("ip 1.1.1.1\r\n\x1b[A\x1bOH\x03\b\x7f\x00"))
	f.Add([]byte("\x1b[1;5~\x1b\x1b[999999999~\n\r"))
	f.Fuzz(func(t *testing.T, in []byte) {
		k := newKeyboard(0)
		k.typed(in)
		for {
			k.prompt()
			keys, _ := k.next()
			if len(keys) == 0 {
				break
			}
			text := 0
			for i, b := range keys {
				switch {
				case b == '\r', b == ctrlC:
					if i != len(keys)-1 {
						t.Fatalf("%q goes on after a line end", keys)
					}
				case b >= ' ' && b < 0x7f:
					text++
				case b != escape && b != '\b' && b != 0x7f && b != '\t' && b != ctrlX:
					t.Fatalf("%q has %#x", keys, b)
				}
			}
			if !bytes.ContainsAny(keys, "\x1b\b\x7f") && text > commandLimit {
				t.Fatalf("line of %d characters", text)
			}
		}
		if len(k.queue) != 0 {
			t.Fatalf("stays in the queue: %q", k.queue)
		}
	})
}
