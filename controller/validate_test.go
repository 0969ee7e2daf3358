package controller

import (
	"strings"
	"testing"
)

func TestCheckName(t *testing.T) {
	for _, tc := range []struct {
		name, value, want string // want: part of the message; empty: accepted
	}{
		{"plain", "PC 1", ""},
		{"Hebrew", "שלום", ""},
		{"empty", "", "an empty name"},
		{"too long", strings.Repeat("x", maxName+1), "256 bytes"},
		{"spaces", " \u3000\u00a0", "nothing but spaces"},
		{"control", "a\x1bb", "control characters"},
		{"override", "PC\u202e1", `"PC\u202e1"`},
		{"mark", "PC\u200e", "direction"},
		{"isolate", "\u2066PC", "direction"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := checkName("node", tc.value)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("checkName(%q) = %v, want %q", tc.value, err, tc.want)
			}
		})
	}
}
