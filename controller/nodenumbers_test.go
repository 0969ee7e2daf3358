package controller

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

// TestNodesAreNumbered makes nodes with numbers in two projects at once.
func TestNodesAreNumbered(t *testing.T) {
	c := inside(t, t.TempDir())
	const each = 4
	var mu sync.Mutex
	got := map[string][]float64{} // by type, and for routers by project
	var all sync.WaitGroup
	for i := range 2 {
		p, err := c.CreateProject(t.Context(), ProjectSpec{Name: fmt.Sprint("lab", i)})
		if err != nil {
			t.Fatal(err)
		}
		for range each {
			for _, tc := range []struct{ kind, property, scope string }{
				{"iou", "application_id", ""}, {"dynamips", "dynamips_id", fmt.Sprint(i)},
			} {
				all.Go(func() {
					n, err := p.CreateNode(t.Context(), NodeSpec{Name: "R{0}", Type: tc.kind, Adapt: true})
					if err != nil {
						t.Error(err)
						return
					}
					number, _ := n.View().Properties[tc.property].(float64)
					mu.Lock()
					defer mu.Unlock()
					got[tc.kind+tc.scope] = append(got[tc.kind+tc.scope], number)
				})
			}
		}
	}
	all.Wait()
	for who, count := range map[string]int{"iou": 2 * each, "dynamips0": each, "dynamips1": each} {
		slices.Sort(got[who])
		var want []float64
		for i := range count {
			want = append(want, float64(i+1))
		}
		if !slices.Equal(got[who], want) {
			t.Errorf("the numbers of %s are %v, want %v", who, got[who], want)
		}
	}
}

func TestNumberOfANode(t *testing.T) {
	c := inside(t, t.TempDir())
	p, _ := labWith(t, c)
	number := func(properties map[string]any) any {
		t.Helper()
		n, err := p.CreateNode(t.Context(), NodeSpec{Name: "IOU{0}", Type: "iou", Adapt: true, Properties: properties})
		if err != nil {
			t.Fatal(err)
		}
		return n.View().Properties["application_id"]
	}
	if got := number(map[string]any{"application_id": 1}); got != 1.0 {
		t.Errorf("a node that asked for the number 1 got %v", got)
	}
	if got := number(nil); got != 2.0 {
		t.Errorf("the next got %v, want 2", got)
	}
	for i := 3; i <= 512; i++ { // as if they were there
		c.numbered[&nodeRecord{Type: "iou"}] = nodeNumber{p, i}
	}
	if _, err := p.CreateNode(t.Context(), NodeSpec{Name: "late", Type: "iou"}); !is(err, Conflict) {
		t.Errorf("CreateNode() without a free number = %v, want a conflict", err)
	}
}
