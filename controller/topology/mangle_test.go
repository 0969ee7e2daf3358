package topology

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// A file that somebody edited badly is refused in words or goes round whole.
func TestMangledFiles(t *testing.T) {
	for _, name := range []string{"revision2.gns3", "revision8.gns3", "revision9.gns3"} {
		t.Run(name, func(t *testing.T) {
			data := fixture(t, name)
			accepted := 0
			rapid.Check(t, func(t *rapid.T) {
				var tree any
				if err := json.Unmarshal(data, &tree); err != nil {
					t.Fatal(err)
				}
				for range rapid.IntRange(1, 3).Draw(t, "changes") {
					tree = mangle(t, tree)
				}
				f, err := Decode(rawOf(tree))
				if err != nil {
					if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != fault.Conflict {
						t.Fatalf("Decode = %v, want a conflict", err)
					}
					return
				}
				accepted++
				once, err := f.Encode()
				if err != nil {
					t.Fatalf("cannot write what was read: %v", err)
				}
				again, err := Decode(once)
				if err != nil {
					t.Fatalf("cannot read what was written: %v", err)
				}
				if !reflect.DeepEqual(asWritten(f), again) {
					t.Fatalf("Decode(Encode(f)) differs (-want +got):\n%s", cmp.Diff(asWritten(f), again))
				}
			})
			if accepted == 0 {
				t.Error("no mangled file was accepted: the test says nothing")
			}
		})
	}
}

// mangle replaces one value somewhere in v, or takes it out.
func mangle(t *rapid.T, v any) any {
	deeper := rapid.IntRange(0, 9).Draw(t, "deeper") > 0
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 || !deeper {
			break
		}
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		key := rapid.SampledFrom(keys).Draw(t, "key")
		if rapid.IntRange(0, 9).Draw(t, "remove") == 0 {
			delete(v, key)
		} else {
			v[key] = mangle(t, v[key])
		}
		return v
	case []any:
		if len(v) == 0 || !deeper {
			break
		}
		i := rapid.IntRange(0, len(v)-1).Draw(t, "item")
		if rapid.IntRange(0, 9).Draw(t, "double") == 0 {
			return append(v, v[i])
		}
		v[i] = mangle(t, v[i])
		return v
	}
	return rapid.SampledFrom([]any{
		nil, true, "", "x", "nio_tap:", "nio_udp:1:a:b", "../..", "\u0000<&", "C7200", "QemuVM", 0, -1, 7, 1.5, 1e300, 1e9,
		[]any{}, []any{nil}, []any{1, "a", map[string]any{}}, map[string]any{}, map[string]any{"id": 1, "text": 3, "nodes": nil},
	}).Draw(t, "value")
}
