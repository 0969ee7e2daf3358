package v2

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// computeField is a property of a type of node, which the compute API has
// beside the node's name where others have it among its properties.
type computeField struct {
	name     string
	usual    any      // what is answered as long as nothing else was said; nil is null
	sort     string   // what a value must be: "text", "number", "flag", "list" or "object"
	words    []string // the only texts that are allowed; nil: all
	required bool     // a new node must say it
	hidden   bool     // taken and not answered
	rare     bool     // answered only when it was said
	answered bool     // answered and not taken
}

func textField(name string, usual any) computeField {
	return computeField{name: name, usual: usual, sort: "text"}
}

func numberField(name string, usual any) computeField {
	return computeField{name: name, usual: usual, sort: "number"}
}

func flagField(name string, usual bool) computeField {
	return computeField{name: name, usual: usual, sort: "flag"}
}

func listField(name string) computeField {
	return computeField{name: name, usual: []any{}, sort: "list"}
}

func objectField(name string) computeField {
	return computeField{name: name, usual: map[string]any{}, sort: "object"}
}

// wordField is a text of which only some are allowed, the first of them usual.
func wordField(name string, words ...string) computeField {
	return computeField{name: name, usual: words[0], sort: "text", words: words}
}

// The following say more of a field.
func (f computeField) must() computeField   { f.required = true; return f }
func (f computeField) hide() computeField   { f.hidden = true; return f }
func (f computeField) seldom() computeField { f.rare = true; return f }
func (f computeField) told() computeField   { f.answered = true; return f }

// check checks a value that is not null.
func (f computeField) check(value any) error {
	switch value := value.(type) {
	case string:
		if f.sort != "text" {
			break
		}
		if strings.ContainsRune(value, 0) {
			return route.Wrong(f.name, "a text without NUL characters", "it has one in it")
		}
		if f.words != nil && !slices.Contains(f.words, value) {
			return route.Wrong(f.name, fmt.Sprintf("one of %q", f.words), "there is no such one here")
		}
		return nil
	case float64:
		if f.sort != "number" {
			break
		}
		if value != math.Trunc(value) || value < 0 || value > math.MaxInt32 {
			return route.Wrong(f.name, "an integer from 0 to 2147483647", "it is none")
		}
		return nil
	case bool:
		if f.sort == "flag" {
			return nil
		}
	case []any:
		if f.sort == "list" {
			return nil
		}
	case map[string]any:
		if f.sort == "object" {
			return nil
		}
	}
	return route.Wrong(f.name, f.wants(), "it is something else")
}

// wants says in words what a value must be.
func (f computeField) wants() string {
	switch f.sort {
	case "text":
		return "a text in quotes"
	case "number":
		return "an integer without quotes"
	case "flag":
		return "true or false"
	case "list":
		return "a list"
	default:
		return "an object"
	}
}
