package controller

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
)

// TestLinksAreListedAsTheyWereMade makes links with ids in falling order and
// finds them in the order of their creation, also after a change, a restart, and
// a load from the project file alone.
func TestLinksAreListedAsTheyWereMade(t *testing.T) {
	dir := t.TempDir()
	c := inside(t, dir)
	p, nodes := labWith(t, c, "PC1", "PC2", "PC3", "PC4", "PC5", "PC6", "PC7", "PC8")
	var want []string
	for i := range 4 {
		id := fmt.Sprintf("%d0000000-0000-4000-8000-000000000001", 9-i)
		l, err := p.CreateLink(t.Context(), LinkSpec{ID: id, Ends: [2]LinkEnd{{NodeID: nodes[2*i].id}, {NodeID: nodes[2*i+1].id}}})
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, id)
		if i == 2 {
			suspend := true
			if err := l.Update(t.Context(), LinkPatch{Suspend: &suspend}); err != nil {
				t.Fatal(err)
			}
		}
	}
	same := func(where string, p *Project) {
		t.Helper()
		var got []string
		for _, l := range p.Links() {
			got = append(got, l.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("links %s are %v, want %v", where, got, want)
		}
	}
	same("as made", p)
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	f, err := readProjectFile(filepath.Join(p.View().Path, p.View().File))
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range f.Links {
		if l.LinkID != want[i] {
			t.Errorf("link %d of the project file is %s, want %s", i, l.LinkID, want[i])
		}
	}
	if err := c.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	c = inside(t, dir)
	p, err = c.Project(p.id)
	if err != nil {
		t.Fatal(err)
	}
	same("after a restart", p)
	q, err := p.Duplicate(t.Context(), "copy", "", true)
	if err != nil {
		t.Fatal(err)
	}
	var ends []string
	for _, l := range q.Links() {
		n, err := q.Node(l.Ends[0].NodeID)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, n.View().Name)
	}
	if want := []string{"PC1", "PC3", "PC5", "PC7"}; !slices.Equal(ends, want) {
		t.Errorf("links of a copy begin at %v, want %v", ends, want)
	}
}
