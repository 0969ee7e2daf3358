package controller

import (
	"net"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// maxName is the length limit of names in bytes.
const maxName = 255

func checkName(what, name string) error {
	switch {
	case name == "":
		return Errorf(Invalid, "cannot use an empty name for a %s: give it 1 to %d bytes", what, maxName)
	case len(name) > maxName:
		return Errorf(Invalid, "cannot use a name of %d bytes for a %s: at most %d are allowed", len(name), what, maxName)
	case !utf8.ValidString(name):
		return Errorf(Invalid, "cannot use the name of a %s: it is not valid UTF-8", what)
	case strings.TrimSpace(name) == "":
		return Errorf(Invalid, "cannot use a name of nothing but spaces for a %s", what)
	case strings.ContainsFunc(name, unicode.IsControl):
		return Errorf(Invalid, "cannot use the name %q for a %s: control characters are not allowed", name, what)
	case strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) }):
		return Errorf(Invalid, "cannot use the name %+q for a %s: characters that change the direction of the text are not allowed", name, what)
	}
	return nil
}

// newID is a new UUID, or the one given, in its canonical form.
func newID(what, given string) (string, error) {
	if given == "" {
		return uuid.NewString(), nil
	}
	id, err := uuid.Parse(given)
	if err != nil || len(given) != 36 {
		return "", Errorf(Invalid, "cannot use %q as the id of a %s: it is not a UUID", given, what)
	}
	return id.String(), nil
}

// checkFileName accepts the name of a file in a folder of ours.
func checkFileName(name string) error {
	if name == "" || name == "." || name == ".." || len(name) > maxName || name != filepath.Base(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return Errorf(Invalid, "cannot use %q as a file name: give a plain name without /", name)
	}
	return nil
}

func checkMAC(text string) error {
	mac, err := net.ParseMAC(text)
	if err != nil || len(mac) != 6 || mac[0]&1 != 0 {
		return Errorf(Invalid, "cannot use %q as a MAC address: give six bytes such as 00:50:79:66:68:00, not a group address", text)
	}
	return nil
}
