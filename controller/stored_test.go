package controller

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-lab/lanyard/controller/store"
)

// storedAsInMemory fails if the store of a project has other objects than the
// memory. Nothing may be under way.
func storedAsInMemory(t *testing.T, p *Project) {
	t.Helper()
	s, err := store.Open(p.storePath())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	stored, memory := map[string]any{}, map[string]any{}
	decoded := func(raw json.RawMessage) (v any) {
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, kind := range []string{kindNode, kindLink, kindDrawing} {
		objects, err := s.All(t.Context(), kind)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			stored[kind+" "+o.ID] = decoded(o.Value)
		}
	}
	p.mu.Lock()
	for id, n := range p.nodes {
		memory[kindNode+" "+id] = decoded(encode(n.rec))
	}
	for id, l := range p.links {
		memory[kindLink+" "+id] = decoded(encode(l.rec))
	}
	for id, d := range p.drawings {
		memory[kindDrawing+" "+id] = decoded(encode(d.rec))
	}
	p.mu.Unlock()
	if diff := cmp.Diff(memory, stored); diff != "" {
		t.Errorf("the store differs from the memory (-memory +store):\n%s", diff)
	}
}
