package console

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestHistoryKeepsTheEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := history{limit: rapid.IntRange(0, 40).Draw(t, "limit")}
		var all []byte
		for _, p := range rapid.SliceOf(rapid.SliceOfN(rapid.ByteRange('a', 'z'), 0, 60)).Draw(t, "writes") {
			h.write(p)
			all = append(all, p...)
			want := all[max(0, len(all)-h.limit):]
			if got := h.bytes(); !bytes.Equal(got, want) {
				t.Fatalf("history of %d = %q, want %q", h.limit, got, want)
			}
			if cap(h.data) > h.limit {
				t.Fatalf("history of %d takes %d bytes", h.limit, cap(h.data))
			}
		}
	})
}

func TestHistoryBeginsWithWholeLine(t *testing.T) {
	for _, tc := range []struct {
		name, written, want string
	}{
		{"nothing lost", "one\ntwo\n", "one\ntwo\n"},
		{"cut in a line", "first line\ntwo\r\nthree", "two\r\nthree"},
		{"no line at all", strings.Repeat("x", 20), strings.Repeat("x", 12)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := history{limit: 12}
			h.write([]byte(tc.written))
			if got := string(h.bytes()); got != tc.want {
				t.Errorf("bytes() = %q, want %q", got, tc.want)
			}
		})
	}
}
