package controller

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRenameCentresTheLabel has a new name begin where a client draws one that
// nobody moved, unless the client says where.
func TestRenameCentresTheLabel(t *testing.T) {
	for _, tc := range []struct {
		name, rename string
		label, want  map[string]any
	}{
		{"another name", "PC2", nil, map[string]any{"y": 4.0}},
		{"the same name", "PC1", nil, map[string]any{"x": 3.0, "y": 4.0}},
		{"with a place", "PC2", map[string]any{"x": 7.0}, map[string]any{"x": 7.0, "y": 4.0}},
		{"with a style", "PC2", map[string]any{"style": "fill: red"}, map[string]any{"style": "fill: red", "y": 4.0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := map[string]any{"x": 3.0, "y": 4.0}
			rec := nodeRecord{Name: "PC1", Type: "vpcs", Look: lookRecord{Label: before}}
			patch := NodePatch{Name: &tc.rename}
			if tc.label != nil {
				patch.Look.Label = &tc.label
			}
			if err := rec.apply(patch); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, rec.Look.Label); diff != "" {
				t.Errorf("the label (-want +got):\n%s", diff)
			}
			if before["x"] != 3.0 {
				t.Error("the label that the node had before was changed, too")
			}
		})
	}
}
