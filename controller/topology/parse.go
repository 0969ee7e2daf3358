package topology

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// Limits of a project file. The largest labs known have a few MiB.
const (
	maxFile    = 64 << 20 // bytes
	maxDepth   = 64       // objects and lists in each other
	maxObjects = 100_000  // nodes, links, drawings or computes
)

// parse reads one value of JSON. Numbers stay json.Number.
func parse(data []byte) (any, error) {
	if len(bytes.Trim(data, " \t\r\n\x00")) == 0 {
		return nil, unreadable("it is empty") // zeros are what a full disk or a lost power leaves
	}
	if at := tooDeep(data); at >= 0 {
		return nil, unreadable("%s: more than %d objects or lists are in each other", position(data, at), maxDepth)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, syntaxError(data, err)
	}
	end := int(d.InputOffset())
	if rest := bytes.TrimLeft(data[end:], " \t\r\n"); len(rest) > 0 {
		return nil, unreadable("%s: there is more after the end of the JSON", position(data, len(data)-len(rest)))
	}
	return tree, nil
}

func syntaxError(data []byte, err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return unreadable("it is not JSON: %s: %s", position(data, int(syntax.Offset)-1), syntax)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return unreadable("it is not JSON: %s: it ends too early", position(data, len(data)))
	}
	return unreadable("it is not JSON: %s", err)
}

// tooDeep is the offset of the first value over maxDepth, or -1.
func tooDeep(data []byte) int {
	depth, inText := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return i
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return -1
}

// position names an offset as an editor does.
func position(data []byte, offset int) string {
	before := data[:max(0, min(offset, len(data)))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return "line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column)
}

// unreadable is the error of Decode.
func unreadable(format string, args ...any) error {
	return fault.Errorf(fault.Conflict, "cannot read the project file: "+format, args...)
}

// plain makes numbers float64 where that keeps them, all the way down.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		return plainNumber(v)
	case int:
		return float64(v)
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = plain(v[key])
		}
	}
	return v
}

func plainNumber(v json.Number) any {
	f, err := v.Float64()
	if err != nil || math.IsInf(f, 0) {
		return v
	}
	whole := !strings.ContainsAny(string(v), ".eE")
	if whole && floatText(f) != string(v) {
		return v // a float64 does not have that many digits
	}
	return f
}

// rawOf is the value as JSON with sorted keys and no spaces.
func rawOf(v any) json.RawMessage {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("internal error: cannot encode what was JSON: " + err.Error())
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}
