package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/lanyard-lab/lanyard/tests/bench/report"
	"github.com/lanyard-lab/lanyard/tests/bench/subject"
)

const (
	createRuns = 100
	getRuns    = 1000
	putRuns    = 200
	listRuns   = 20
	moveRuns   = 20
	moved      = 100 // nodes in one request
	openRuns   = 3
)

// requests measures what one client waits for, in a small lab and in a large one.
func (b *bench) requests(ctx context.Context, s *subject.Server) error {
	small, err := newLab(ctx, s, "small")
	if err != nil {
		return err
	}
	if err := b.create(ctx, small); err != nil {
		return err
	}
	large, err := newLab(ctx, s, "large")
	if err != nil {
		return err
	}
	links := 0
	took, err := timed(func() (err error) { links, err = large.fill(ctx, b.nodes); return err })
	if err != nil {
		return err
	}
	b.table.Tell(fmt.Sprintf("%d nodes and %d links are made, by %d clients", b.nodes, links, clients), report.Number(took/1000)+" s")
	for _, step := range []func(context.Context, *lab) error{b.get, b.list, b.put, b.move, b.open} {
		if err := step(ctx, large); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) create(ctx context.Context, l *lab) error {
	if _, err := l.node(ctx, "first", "vpcs", nil); err != nil { // starts the runner
		return err
	}
	took, err := times(createRuns, func(i int) error {
		_, err := l.node(ctx, fmt.Sprint("PC", i), "vpcs", nil)
		return err
	})
	if err != nil {
		return err
	}
	b.table.AtMost(fmt.Sprintf("POST of a node, durable, p50 of %d", createRuns), report.Median(took), 3, "ms")
	return nil
}

func (b *bench) get(ctx context.Context, l *lab) error {
	took, err := times(getRuns, func(i int) error {
		_, err := l.server.Send(ctx, http.MethodGet, l.path+"/nodes/"+l.nodes[i%len(l.nodes)], nil)
		return err
	})
	if err != nil {
		return err
	}
	b.table.AtMost(fmt.Sprintf("GET of a node, p50 of %d", getRuns), report.Median(took), 0.5, "ms")
	return nil
}

func (b *bench) list(ctx context.Context, l *lab) error {
	took, err := times(listRuns, func(int) error {
		_, err := l.server.Send(ctx, http.MethodGet, l.path+"/nodes", nil)
		return err
	})
	if err != nil {
		return err
	}
	// Whether the list is whole is not looked at while the clock runs.
	text, err := l.server.Send(ctx, http.MethodGet, l.path+"/nodes", nil)
	if err != nil {
		return err
	}
	var nodes []json.RawMessage
	if err := json.Unmarshal(text, &nodes); err != nil || len(nodes) != len(l.nodes) {
		return fmt.Errorf("the list has %d nodes, not %d: %w", len(nodes), len(l.nodes), err)
	}
	b.table.AtMost(fmt.Sprintf("GET of %d nodes (%d KiB), p50 of %d", len(nodes), len(text)>>10, listRuns), report.Median(took), 20, "ms")
	return nil
}

func (b *bench) put(ctx context.Context, l *lab) error {
	took, err := times(putRuns, func(i int) error {
		return l.server.Call(ctx, http.MethodPut, l.path+"/nodes/"+l.nodes[i%len(l.nodes)], map[string]any{"x": i, "y": -i}, nil)
	})
	if err != nil {
		return err
	}
	b.table.Tell(fmt.Sprintf("PUT of x and y among %d nodes, durable, p50 of %d", len(l.nodes), putRuns), report.Number(report.Median(took))+" ms")
	return nil
}

func (b *bench) move(ctx context.Context, l *lab) error {
	type place struct {
		NodeID string `json:"node_id"`
		X      int    `json:"x"`
		Y      int    `json:"y"`
	}
	took, err := times(moveRuns, func(run int) error {
		var places []place
		for i, id := range l.nodes[:min(moved, len(l.nodes))] {
			places = append(places, place{id, run + i, run - i})
		}
		return l.server.Call(ctx, http.MethodPut, l.path+"/nodes", map[string]any{"nodes": places}, nil)
	})
	if err != nil {
		return err
	}
	b.table.Tell(fmt.Sprintf("%d nodes moved in one request, p50 of %d", min(moved, len(l.nodes)), moveRuns), report.Number(report.Median(took))+" ms")
	return nil
}

// open closes the lab and opens it again, until it can be changed, and until all
// its nodes run.
func (b *bench) open(ctx context.Context, l *lab) error {
	var editable, started []float64
	for run := range openRuns {
		if err := l.server.Call(ctx, http.MethodPost, l.path+"/close", nil, nil); err != nil {
			return err
		}
		untilEditable := 0.0
		untilStarted, err := timed(func() (err error) {
			untilEditable, err = timed(func() error { return l.reopen(ctx, run) })
			if err != nil {
				return err
			}
			return l.server.Call(ctx, http.MethodPost, l.path+"/nodes/start", nil, nil)
		})
		if err != nil {
			return err
		}
		if err := l.allStarted(ctx); err != nil {
			return err
		}
		editable, started = append(editable, untilEditable/1000), append(started, untilStarted/1000)
	}
	name := fmt.Sprintf("open of %d nodes, median of %d: ", len(l.nodes), openRuns)
	b.table.AtMost(name+"until it can be changed", report.Median(editable), 2, "s")
	b.table.AtMost(name+"until all nodes run", report.Median(started), 3, "s")
	return nil
}

// reopen opens the closed lab, reads what a client draws, and changes it.
func (l *lab) reopen(ctx context.Context, run int) error {
	if err := l.server.Call(ctx, http.MethodPost, l.path+"/open", nil, nil); err != nil {
		return err
	}
	for _, resource := range []string{"/nodes", "/links", "/drawings"} {
		if _, err := l.server.Send(ctx, http.MethodGet, l.path+resource, nil); err != nil {
			return err
		}
	}
	return l.server.Call(ctx, http.MethodPut, l.path+"/nodes/"+l.nodes[0], map[string]any{"x": 1000 + run}, nil)
}

func (l *lab) allStarted(ctx context.Context) error {
	var nodes []struct {
		Name   string `json:"name"`
		Status string `json:"status"`
	}
	if err := l.server.Call(ctx, http.MethodGet, l.path+"/nodes", nil, &nodes); err != nil {
		return err
	}
	for _, n := range nodes {
		if n.Status != "started" {
			return fmt.Errorf("node %s is %s when all should run", n.Name, n.Status)
		}
	}
	return nil
}
