package controller

import "testing"

func TestRenameInScript(t *testing.T) {
	for _, tc := range []struct{ name, script, to, want string }{
		{"saved", "set pcname PC1\nip 10.0.0.1/24\n", "PC2", "set pcname PC2\nip 10.0.0.1/24\n"},
		{"the node's own name", "set pcname %h\n", "PC2", "set pcname %h\n"},
		{"windows", "ip dhcp\r\nset pcname PC1\r\n", "PC2", "ip dhcp\r\nset pcname PC2\r\n"},
		{"indented and silent", "  @set  pcname\tPC1", "PC2", "  @set  pcname\tPC2"},
		{"quotes", "set pcname \"a b\"\n", "c d", "set pcname \"c d\"\n"},
		{"a name that needs quotes", "set pcname PC1\n", `a/"b`, "set pcname \"a/b\"\n"},
		{"dollars", "set pcname PC1\n", "$1${2}", "set pcname $1${2}\n"},
		{"not that", "echo set pcname PC1\nset pcnamex 1\nset pcname\n# set pcname x\n", "PC2", "echo set pcname PC1\nset pcnamex 1\nset pcname\n# set pcname x\n"},
		{"twice", "set pcname A\nset pcname B", "C", "set pcname C\nset pcname C"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := renameInScript(tc.script, tc.to); got != tc.want {
				t.Errorf("renameInScript(%q, %q) = %q, want %q", tc.script, tc.to, got, tc.want)
			}
		})
	}
}
