package route

import (
	"slices"
	"strings"

	"github.com/lanyard-lab/lanyard/controller"
)

// NodeFields are the settings of a node that every dialect takes.
type NodeFields struct {
	Console       *int
	ConsoleType   *string
	Emulator      *string
	StartupScript *string
}

// Check checks those that are there.
func (f NodeFields) Check() error {
	if err := OptionalPort("console", f.Console); err != nil {
		return err
	}
	if err := script("startup_script", f.StartupScript); err != nil {
		return err
	}
	if f.ConsoleType != nil {
		return oneOf("console_type", *f.ConsoleType, "telnet", "none")
	}
	return nil
}

// script checks an optional startup script.
func script(field string, value *string) error {
	if value != nil && len(*value) > MaxScript {
		return controller.Errorf(controller.TooLarge, "cannot accept field %q: it has %d bytes, and %d are allowed", field, len(*value), MaxScript)
	}
	return Text(field, value)
}

// NodeType checks the type of a node to make.
func NodeType(field, value string) error { return oneOf(field, value, controller.NodeTypes()...) }

func oneOf(field, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	words := make([]string, len(allowed))
	for i, a := range allowed {
		words[i] = `"` + a + `"`
	}
	got := "it is missing or empty"
	if value != "" {
		got = "there is no such one here"
	}
	return Wrong(field, "one of "+strings.Join(words, ", "), got)
}
