package controller

import (
	"bytes"
	"encoding/json"
)

// Limits of what a client says about a map.
const (
	maxSceneSize = 1 << 20 // pixels
	maxZoom      = 10000   // percent
	maxSceneJSON = 64 << 10
)

func (r projectRecord) scene() Scene {
	if r.Scene == nil {
		return usualScene()
	}
	return *r.Scene
}

func (patch ScenePatch) check() error {
	for _, n := range []struct {
		name  string
		value *int
		least int
		most  int
	}{
		{"drawing_grid_size", patch.DrawingGridSize, 1, maxSceneSize}, {"grid_size", patch.GridSize, 1, maxSceneSize},
		{"scene_height", patch.Height, 1, maxSceneSize}, {"scene_width", patch.Width, 1, maxSceneSize}, {"zoom", patch.Zoom, 1, maxZoom},
	} {
		if n.value != nil && (*n.value < n.least || *n.value > n.most) {
			return Errorf(Invalid, "cannot set %q to %d: give a number from %d to %d", n.name, *n.value, n.least, n.most)
		}
	}
	if err := checkSupplier(patch.Supplier); err != nil {
		return err
	}
	_, err := keptVariables(patch.Variables)
	return err
}

// checkSupplier accepts null or {"logo": ..., "url": ...}.
func checkSupplier(raw json.RawMessage) error {
	if len(raw) == 0 || isNull(raw) {
		return nil
	}
	var s map[string]json.RawMessage
	if len(raw) > maxSceneJSON || json.Unmarshal(raw, &s) != nil || !areTexts(s, "logo", "url") {
		return Errorf(Invalid, `cannot keep "supplier": give null or an object such as {"logo": "logo.png", "url": "https://example.com"}`)
	}
	return nil
}

// keptVariables are those that have a name.
func keptVariables(raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 || isNull(raw) {
		return raw, nil
	}
	var all []map[string]json.RawMessage
	if len(raw) > maxSceneJSON || json.Unmarshal(raw, &all) != nil {
		return nil, Errorf(Invalid, `cannot keep "variables": give null or a list such as [{"name": "SITE", "value": "Ulm"}]`)
	}
	kept := []map[string]json.RawMessage{}
	for _, one := range all {
		var name string
		if json.Unmarshal(one["name"], &name) != nil || name == "" {
			continue
		}
		if !areTexts(one, "value") {
			return nil, Errorf(Invalid, `cannot keep the variable %q: its "value" must be a text, such as "1"`, name)
		}
		kept = append(kept, one)
	}
	return encode(kept), nil
}

// areTexts reports whether those of the fields that are there are texts: GNS3
// takes no project file with others.
func areTexts(o map[string]json.RawMessage, keys ...string) bool {
	for _, key := range keys {
		if raw, ok := o[key]; ok && !bytes.HasPrefix(raw, []byte(`"`)) {
			return false
		}
	}
	return true
}

func isNull(raw json.RawMessage) bool { return bytes.Equal(bytes.TrimSpace(raw), []byte("null")) }

// patched is a record with a checked patch of its scene.
func (r projectRecord) patched(patch ScenePatch) projectRecord {
	s := r.scene()
	was := encode(s)
	set(&s.AutoClose, patch.AutoClose)
	set(&s.AutoOpen, patch.AutoOpen)
	set(&s.AutoStart, patch.AutoStart)
	set(&s.DrawingGridSize, patch.DrawingGridSize)
	set(&s.GridSize, patch.GridSize)
	set(&s.Height, patch.Height)
	set(&s.Width, patch.Width)
	set(&s.ShowGrid, patch.ShowGrid)
	set(&s.ShowInterfaceLabels, patch.ShowInterfaceLabels)
	set(&s.ShowLayers, patch.ShowLayers)
	set(&s.SnapToGrid, patch.SnapToGrid)
	set(&s.Zoom, patch.Zoom)
	if patch.Supplier != nil {
		s.Supplier = patch.Supplier
	}
	if patch.Variables != nil {
		s.Variables, _ = keptVariables(patch.Variables) // checked
	}
	if !bytes.Equal(was, encode(s)) {
		r.Scene = &s
	}
	return r
}
