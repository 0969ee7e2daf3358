package pc

import (
	"slices"
	"strings"
	"testing"
)

func TestTokenize(t *testing.T) {
	for _, tc := range []struct {
		line string
		want []string
	}{
		{"", nil},
		{" \t ", nil},
		{"ip 1.1.1.1/24", []string{"ip", "1.1.1.1", "24"}},
		{"set pcname=x", []string{"set", "pcname", "x"}},
		{`set pcname "a b" c`, []string{"set", "pcname", "a b", "c"}},
		{`a"b c`, []string{`a"b`, "c"}},
		{`"open end`, []string{"open end"}},
		{`""`, []string{""}},
		{strings.Repeat("x ", 30), slices.Repeat([]string{"x"}, 20)},
	} {
		if got := tokenize(tc.line); !slices.Equal(got, tc.want) {
			t.Errorf("tokenize(%q) = %q, want %q", tc.line, got, tc.want)
		}
	}
}

func FuzzTokenize(f *testing.F) {
	f.Add(`ip "a b" 1.1.1.1/24=x`)
	f.Fuzz(func(t *testing.T, line string) {
		words := tokenize(line)
		if len(words) > maxTokens {
			t.Errorf("%d words", len(words))
		}
		for _, w := range words {
			if !strings.Contains(line, w) {
				t.Errorf("word %q is not in %q", w, line)
			}
			if again := tokenize(quote(w)); !strings.Contains(w, `"`) && (len(again) != 1 || again[0] != w) {
				t.Errorf("tokenize(quote(%q)) = %q", w, again)
			}
		}
		completions(line)
		parsePing(words)
		parseTrace(words)
		if len(words) > 0 {
			parseIPv4(words)
			find(words[0])
		}
	})
}

func TestFind(t *testing.T) {
	for name, want := range map[string]string{
		"s": "save set show sleep", "e": "echo", "ip": "ip", "q": "quit", "trace": "tracer", "h": "help history",
		"d": "dhcp disconnect", "foo": "", "p": "ping", "w": "write", "?": "?",
	} {
		var names []string
		for _, c := range find(name) {
			names = append(names, c.name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("find(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestInetAddr(t *testing.T) {
	for in, want := range map[string]string{
		"1": "0.0.0.1", "10.1": "10.0.0.1", "10.1.2": "10.1.0.2", "1.2.3.4": "1.2.3.4", "0x0a.010.1.1": "10.8.1.1",
		"4294967295": "255.255.255.255", "4294967296": "", "10.1.1.256": "", "1.2.3.4.5": "", "": "", "a": "", "1..2": "", "-1": "", "1_0": "",
	} {
		got := ""
		if addr, ok := inetAddr(in); ok {
			got = addr.String()
		}
		if got != want {
			t.Errorf("inetAddr(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestParseIPv4(t *testing.T) {
	for _, tc := range []struct{ line, prefix, gateway, problem string }{
		{"10.1.1.11", "10.1.1.11/24", "", ""},
		{"10.1.1.11/24 10.1.1.1", "10.1.1.11/24", "10.1.1.1", ""},
		{"10.1.1.11 10.1.1.1 255.255.0.0", "10.1.1.11/16", "10.1.1.1", ""},
		{"10.1.1.11/31 10.1.1.10", "10.1.1.11/31", "10.1.1.10", ""},
		{"10.1.1.11/32 10.1.2.1", "10.1.1.11/32", "10.1.2.1", ""},
		{"10.1.1.11/31 10.1.1.1", "", "", "not same subnet"},
		{"10.1.1.11/0", "", "", "Invalid options"},
		{"10.1.1.11/33", "", "", "Invalid options"},
		{"10.1.1.11 10.1.1.11", "", "", "Invalid gateway address"},
		{"10.1.1.0/24", "", "", "Invalid host address"},
		{"224.0.0.1", "", "", "Invalid address"},
	} {
		a, problem := parseIPv4(tokenize(tc.line))
		gateway := ""
		if a.Gateway.IsValid() {
			gateway = a.Gateway.String()
		}
		if problem != tc.problem || problem == "" && (a.Prefix.String() != tc.prefix || gateway != tc.gateway) {
			t.Errorf("parseIPv4(%q) = %v, %q, want %+v", tc.line, a, problem, tc)
		}
	}
}
