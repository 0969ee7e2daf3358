package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lanyard-lab/lanyard/tests/bench/report"
	"github.com/lanyard-lab/lanyard/tests/bench/subject"
)

const (
	workers   = 16 // clients at a time
	pingLimit = 30 * time.Second
	idleFor   = 10 * time.Second
	listRuns  = 20
)

// crowd is a project of many PCs, linked in pairs.
type crowd struct {
	server  *server
	project string
	size    int // even
	pcs     []vm

	created, linked, started, pinged time.Duration
}

// address is the IP address of a PC, in the network of its pair.
func address(i int) string {
	pair := i / 2
	return fmt.Sprintf("10.%d.%d.%d", pair>>8, pair&255, 1+i%2)
}

// each calls f for 0 to n-1, in as many clients as there are workers, and
// tells how long that took.
func each(ctx context.Context, n int, f func(ctx context.Context, i int) error) (time.Duration, error) {
	begin := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for i := range n {
		group.Go(func() error { return f(ctx, i) })
	}
	err := group.Wait()
	return time.Since(begin), err
}

// build makes the PCs, each with its address in its startup script, and the
// links.
func (c *crowd) build(ctx context.Context) (err error) {
	c.pcs = make([]vm, c.size)
	c.created, err = each(ctx, c.size, func(ctx context.Context, i int) (err error) {
		c.pcs[i], err = c.server.createPC(ctx, c.project, fmt.Sprint("PC", i+1), "ip "+address(i)+"/24\n")
		return err
	})
	if err != nil {
		return err
	}
	c.linked, err = each(ctx, c.size/2, func(ctx context.Context, i int) error {
		type end struct {
			VMID    string `json:"vm_id"`
			Adapter int    `json:"adapter_number"`
			Port    int    `json:"port_number"`
		}
		ends := map[string]any{"vms": []end{{VMID: c.pcs[2*i].VMID}, {VMID: c.pcs[2*i+1].VMID}}}
		return c.server.Call(ctx, http.MethodPost, "/v2/projects/"+c.project+"/links", ends, nil)
	})
	return err
}

func (c *crowd) start(ctx context.Context) error {
	begin := time.Now()
	err := c.server.Call(ctx, http.MethodPost, "/v2/projects/"+c.project+"/nodes/start", nil, nil)
	c.started = time.Since(begin)
	return err
}

// ping makes every PC ping its peer once, and sees the answers.
func (c *crowd) ping(ctx context.Context) (err error) {
	c.pinged, err = each(ctx, c.size, func(_ context.Context, i int) error {
		t, err := dial(c.pcs[i].Console)
		if err != nil {
			return err
		}
		defer t.Close()
		if err := t.waitFor(promptMark, pingLimit); err != nil {
			return err
		}
		peer := address(i ^ 1)
		if err := t.typeLine("ping " + peer + " -c 1"); err != nil {
			return err
		}
		return t.waitFor("84 bytes from "+peer+" ", pingLimit)
	})
	return err
}

// crowd measures the life of a large lab.
func (b *bench) crowd(ctx context.Context, s *server, empty lone) error {
	project, err := s.createProject(ctx, "crowd")
	if err != nil {
		return err
	}
	c := &crowd{server: s, project: project, size: b.pcs}
	for _, step := range []func(context.Context) error{c.build, c.start, c.ping} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	total := c.created + c.linked + c.started + c.pinged
	name := fmt.Sprintf("%d PCs in pairs, by %d clients: ", c.size, workers)
	b.table.Tell(name+"create", report.Number(c.created.Seconds())+" s")
	b.table.Tell(name+"link", report.Number(c.linked.Seconds())+" s")
	if c.size == 1000 {
		b.table.AtMost(name+"start", c.started.Seconds(), 1, "s")
		b.table.Tell(name+"ping", report.Number(c.pinged.Seconds())+" s")
		b.table.AtMost(name+"all", total.Seconds(), 5, "s")
	} else {
		b.table.Tell(name+"start", report.Number(c.started.Seconds())+" s")
		b.table.Tell(name+"ping", report.Number(c.pinged.Seconds())+" s")
		b.table.Tell(name+"all", report.Number(total.Seconds())+" s")
	}
	if err := b.idle(ctx, c, empty); err != nil {
		return err
	}
	return b.lists(ctx, c)
}

// idle measures what a large lab costs that does nothing.
func (b *bench) idle(ctx context.Context, c *crowd, empty lone) error {
	pid, err := c.server.Runner(c.project)
	if err != nil {
		return err
	}
	pids := []int{c.server.PID(), pid}
	before, err := sumOf(subject.CPUTime, pids)
	if err != nil {
		return err
	}
	begin := time.Now()
	select {
	case <-time.After(idleFor):
	case <-ctx.Done():
		return ctx.Err()
	}
	after, err := sumOf(subject.CPUTime, pids)
	if err != nil {
		return err
	}
	share := float64(after-before) / float64(time.Since(begin)) * 100
	b.table.AtMost(fmt.Sprintf("%d idle PCs: CPU of server + runner over %v", c.size, idleFor), share, 1, "% of a core")
	size, err := subject.RSS(pid)
	if err != nil {
		return err
	}
	b.table.AtMost(fmt.Sprintf("%d idle PCs: RSS each, without the empty runner's", c.size), (size-empty.rss)/float64(c.size), 20, "KiB")
	own, err := subject.RSS(c.server.PID())
	if err != nil {
		return err
	}
	b.table.Tell(fmt.Sprintf("%d idle PCs: RSS of server, of runner", c.size), report.Number(own/1024)+" MiB, "+report.Number(size/1024)+" MiB")
	return nil
}

// lists measures how long it takes to read all nodes.
func (b *bench) lists(ctx context.Context, c *crowd) error {
	for _, resource := range []string{"vms", "nodes"} {
		var times []float64
		for range listRuns {
			begin := time.Now()
			text, err := c.server.Send(ctx, http.MethodGet, "/v2/projects/"+c.project+"/"+resource, nil)
			if err != nil {
				return err
			}
			times = append(times, report.Milliseconds(time.Since(begin)))
			var list []json.RawMessage
			if err := json.Unmarshal(text, &list); err != nil {
				return err
			}
			if len(list) != c.size {
				return fmt.Errorf("the list of %s has %d members, not %d", resource, len(list), c.size)
			}
		}
		b.table.AtMost(fmt.Sprintf("GET of %d %s, median of %d", c.size, resource, listRuns), report.Median(times), 20, "ms")
	}
	return nil
}

func sumOf(measure func(pid int) (time.Duration, error), pids []int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		d, err := measure(pid)
		if err != nil {
			return 0, err
		}
		sum += d
	}
	return sum, nil
}
