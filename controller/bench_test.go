package controller_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/lanyard-lab/lanyard/controller"
)

// BenchmarkCreateNodes makes nodes from 16 goroutines.
func BenchmarkCreateNodes(b *testing.B) {
	c, err := controller.Open(b.Context(), config(b.TempDir()))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Shutdown(context.Background())
	p, err := c.CreateProject(b.Context(), controller.ProjectSpec{Name: "lab"})
	if err != nil {
		b.Fatal(err)
	}

	script := "ip 10.0.0.1/24\n"
	b.ResetTimer()
	var wg sync.WaitGroup
	work := make(chan int)
	for range 16 {
		wg.Go(func() {
			for i := range work {
				spec := controller.NodeSpec{Name: fmt.Sprintf("PC%d", i), Type: "vpcs", StartupScript: &script}
				if _, err := p.CreateNode(context.Background(), spec); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range b.N {
		work <- i
	}
	close(work)
	wg.Wait()
}
