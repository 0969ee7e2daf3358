package archive

import (
	"cmp"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The longest names in bytes: what file systems and system calls take.
const (
	maxPart = 255
	maxName = 4096
)

// checkName tells what is wrong with the name of a file in an archive; empty for
// nothing.
func checkName(name string) string {
	switch {
	case name == "":
		return "it has no name"
	case len(name) > maxName:
		return "its name is too long"
	case !utf8.ValidString(name):
		return "its name is not UTF-8"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "its name has a control character in it"
	case strings.Contains(name, `\`):
		return "its name has a backslash in it"
	case strings.HasPrefix(name, "/"):
		return "its name is an absolute path"
	case hasDrive(name):
		return "its name begins with the letter of a drive"
	case path.Clean(name) != name || name == "." || name == ".." || strings.HasPrefix(name, "../"):
		return "its name leads elsewhere"
	}
	for part := range strings.SplitSeq(name, "/") {
		if len(part) > maxPart {
			return "a part of its name is too long"
		}
	}
	return ""
}

func hasDrive(name string) bool {
	return len(name) >= 2 && name[1] == ':' && unicode.IsLetter(rune(name[0]))
}

// compareNames orders names such that what is in a folder comes right behind the
// folder: the slash is the lowest of all letters. One look at the name before is
// then enough to know what is new in a name, however deep it goes.
func compareNames(a, b string) int {
	i := common(a, b)
	switch {
	case i == len(a) || i == len(b):
		return cmp.Compare(len(a), len(b))
	case a[i] == '/':
		return -1
	case b[i] == '/':
		return 1
	}
	return cmp.Compare(a[i], b[i])
}

// common is how many bytes two names begin with in common.
func common(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// newFolders counts the folders above a name that are not above the name before
// it, and are not that name.
func newFolders(before, name string) int {
	shared := common(before+"/", name)
	shared = strings.LastIndexByte(name[:shared], '/') + 1
	return strings.Count(name[shared:], "/")
}
