package tests

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// gns3Schema says what GNS3's clients read: each of their objects, with the
// keys that are always there. More keys are allowed, because we add some.
//
//go:embed testdata/gns3.schema.json
var gns3Schema []byte

// gns3Objects checks objects by the names that the schema has for them.
type gns3Objects struct {
	schemas map[string]*jsonschema.Schema
	all     map[string]any // the schemas as JSON
}

func newGNS3Objects(t *testing.T) *gns3Objects {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(gns3Schema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("gns3.json", doc); err != nil {
		t.Fatal(err)
	}
	o := &gns3Objects{schemas: map[string]*jsonschema.Schema{}, all: doc.(map[string]any)["$defs"].(map[string]any)}
	for name := range o.all {
		if o.schemas[name], err = compiler.Compile("gns3.json#/$defs/" + name); err != nil {
			t.Fatalf("schema %s: %v", name, err)
		}
	}
	return o
}

// check wants text to be the object that the schema has under name, or a list
// of them for "[]name".
func (o *gns3Objects) check(name, text string) error {
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	item, list := strings.CutPrefix(name, "[]")
	schema := o.schemas[item]
	if schema == nil {
		return fmt.Errorf("there is no schema %q", name)
	}
	if !list {
		return schema.Validate(value)
	}
	items, ok := value.([]any)
	if !ok {
		return fmt.Errorf("it is no list: %.200s", text)
	}
	for i, item := range items {
		if err := schema.Validate(item); err != nil {
			return fmt.Errorf("number %d: %w", i, err)
		}
	}
	return nil
}

// withoutEach is an object as often as its schema requires a key, each time
// without that key.
func (o *gns3Objects) withoutEach(t *testing.T, name, text string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, key := range o.all[name].(map[string]any)["required"].([]any) {
		var object map[string]any
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			t.Fatal(err)
		}
		delete(object, key.(string))
		rest, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		all[key.(string)] = string(rest)
	}
	return all
}

// TestGNS3SchemaRefuses is that the schema finds what it is there to find.
func TestGNS3SchemaRefuses(t *testing.T) {
	o := newGNS3Objects(t)
	const project, link = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
	good := map[string]string{
		"Drawing":      `{"drawing_id": "` + link + `", "locked": false, "project_id": "` + project + `", "rotation": 0, "svg": "<svg></svg>", "x": 0, "y": 0, "z": 2}`,
		"Snapshot":     `{"created_at": 1, "description": "d", "filename": "a.gns3snapshot", "name": "a", "project_id": "` + project + `", "snapshot_id": "` + link + `"}`,
		"Notification": `{"action": "ping", "event": {"cpu_usage_percent": 1.5, "memory_usage_percent": 2}}`,
		"Error":        `{"message": "cannot do it", "status": 409}`,
	}
	for _, name := range slices.Sorted(maps.Keys(good)) {
		if err := o.check(name, good[name]); err != nil {
			t.Errorf("%s %s: %v", name, good[name], err)
		}
		for key, rest := range o.withoutEach(t, name, good[name]) {
			if o.check(name, rest) == nil {
				t.Errorf("%s without %s is accepted: %s", name, key, rest)
			}
		}
	}
	for _, tc := range []struct{ name, object, text string }{
		{"no id", "Drawing", strings.Replace(good["Drawing"], link, "7", 1)},
		{"a text for a number", "Drawing", strings.Replace(good["Drawing"], `"z": 2`, `"z": "2"`, 1)},
		{"a fraction", "Drawing", strings.Replace(good["Drawing"], `"z": 2`, `"z": 2.5`, 1)},
		{"an event of another kind", "Notification", `{"action": "node.created", "event": {"message": "m"}}`},
		{"a log line without text", "Notification", `{"action": "log.error", "event": {"message": ""}}`},
		{"an object for a list", "[]Drawing", good["Drawing"]},
		{"one bad of a list", "[]Drawing", "[" + good["Drawing"] + ", {}]"},
		{"a name that is not known", "Nothing", `{}`},
		{"no JSON", "Drawing", `{`},
	} {
		if o.check(tc.object, tc.text) == nil {
			t.Errorf("%s: %s %s is accepted", tc.name, tc.object, tc.text)
		}
	}
}
