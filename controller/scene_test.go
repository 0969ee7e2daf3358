package controller_test

import (
	"encoding/json"
	"testing"

	"github.com/lanyard-lab/lanyard/controller"
)

// What a project is told of its supplier and variables has to be what GNS3
// takes in a project file.
func TestSupplierAndVariables(t *testing.T) {
	p := project(t, start(t))
	for _, tc := range []struct {
		patch controller.ScenePatch
		ok    bool
	}{
		{controller.ScenePatch{Supplier: json.RawMessage(`{"logo": "a.png", "url": "http://a"}`)}, true},
		{controller.ScenePatch{Supplier: json.RawMessage(`{"logo": "a.png", "since": 1999}`)}, true},
		{controller.ScenePatch{Supplier: json.RawMessage(`{"logo": 5}`)}, false},
		{controller.ScenePatch{Supplier: json.RawMessage(`{"url": null}`)}, false},
		{controller.ScenePatch{Variables: json.RawMessage(`[{"name": "A", "value": "1"}, {"name": "B"}, {"value": 5}]`)}, true},
		{controller.ScenePatch{Variables: json.RawMessage(`[{"name": "A", "value": 1}]`)}, false},
		{controller.ScenePatch{Variables: json.RawMessage(`[{"name": "A", "value": null}]`)}, false},
	} {
		err := p.Update(t.Context(), controller.ProjectPatch{Scene: tc.patch})
		if tc.ok && err != nil || !tc.ok && codeOf(err) != controller.Invalid {
			t.Errorf("supplier %s, variables %s: %v, want it taken: %v", tc.patch.Supplier, tc.patch.Variables, err, tc.ok)
		}
	}
	if got := string(p.View().Scene.Variables); got != `[{"name":"A","value":"1"},{"name":"B"}]` {
		t.Errorf("variables = %s, want those with names of the last that were taken", got)
	}
}
