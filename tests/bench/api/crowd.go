package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/lanyard-lab/lanyard/tests/bench/report"
	"github.com/lanyard-lab/lanyard/tests/bench/subject"
)

const (
	crowdNodes = 20 // of a lab
	crowdLabs  = 3  // of a client, one after the other
)

// What a client of the crowd waits for.
const (
	makeLab    = "POST of a project"
	makeNode   = "POST of a node"
	makeLink   = "POST of a link"
	startNode  = "start of a node"
	deleteNode = "DELETE of a node"
	deleteLab  = "DELETE of a project"
)

// waits are how long requests took, in milliseconds, by what they were. Safe
// for concurrent use.
type waits struct {
	mu  sync.Mutex
	all map[string][]float64
}

// during does a request and notes how long it took.
func (w *waits) during(what string, f func() error) error {
	took, err := timed(f)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all[what] = append(w.all[what], took)
	return err
}

// crowd measures what clients wait for when each works on a lab of its own.
func (b *bench) crowd(ctx context.Context, s *subject.Server) error {
	w := &waits{all: map[string][]float64{}}
	group, ctx := errgroup.WithContext(ctx)
	for client := range clients {
		group.Go(func() error {
			for i := range crowdLabs {
				if err := w.life(ctx, s, fmt.Sprintf("lab %d of %d", i, client)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	took, err := timed(group.Wait)
	if err != nil {
		return err
	}
	b.table.Tell(fmt.Sprintf("%d clients, %d labs of %d nodes each, one after the other", clients, crowdLabs, crowdNodes), report.Number(took/1000)+" s")
	var allButStart []float64
	for _, what := range []string{makeLab, makeNode, makeLink, startNode, deleteNode, deleteLab} {
		all := w.all[what]
		if what != startNode {
			allButStart = append(allButStart, all...)
		}
		b.table.Tell(fmt.Sprintf("%d clients: %s, p50 and p99 of %d", clients, what, len(all)),
			report.Number(report.Median(all))+" ms, "+report.Number(percentile(all, 99))+" ms")
	}
	b.table.AtMost(fmt.Sprintf("%d clients: everything but start, p99 of %d", clients, len(allButStart)), percentile(allButStart, 99), 100, "ms")
	return nil
}

// life makes a lab of linked pairs, starts it and takes it apart.
func (w *waits) life(ctx context.Context, s *subject.Server, name string) error {
	var l *lab
	err := w.during(makeLab, func() (err error) { l, err = newLab(ctx, s, name); return err })
	if err != nil {
		return err
	}
	nodes := make([]string, crowdNodes)
	for i := range nodes {
		err := w.during(makeNode, func() (err error) { nodes[i], err = l.node(ctx, fmt.Sprint("PC", i), "vpcs", nil); return err })
		if err != nil {
			return err
		}
	}
	for i := 0; i < crowdNodes; i += 2 {
		err := w.during(makeLink, func() error { return l.link(ctx, end{NodeID: nodes[i]}, end{NodeID: nodes[i+1]}) })
		if err != nil {
			return err
		}
	}
	for _, id := range nodes {
		err := w.during(startNode, func() error {
			return s.Call(ctx, http.MethodPost, l.path+"/nodes/"+id+"/start", nil, nil)
		})
		if err != nil {
			return err
		}
	}
	for _, id := range nodes {
		err := w.during(deleteNode, func() error { return s.Call(ctx, http.MethodDelete, l.path+"/nodes/"+id, nil, nil) })
		if err != nil {
			return err
		}
	}
	return w.during(deleteLab, func() error { return s.Call(ctx, http.MethodDelete, l.path, nil, nil) })
}

// percentile of at least one value.
func percentile(values []float64, percent int) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[min(len(values)*percent/100, len(values)-1)]
}
