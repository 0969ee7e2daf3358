package controller

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// Telemetry is the counters of a project's links; see runner.Telemetry.
type Telemetry = runner.Telemetry

// LinkTest is what a test of a link found; see runner.LinkTest.
type LinkTest = runner.LinkTest

// Listening says which frames of a link to stream; see runner.Listening.
type Listening = runner.Listening

// FilterType describes a filter; see runner.FilterType.
type FilterType = runner.FilterType

// FilterTypes are the filters that a link can have, GNS3's first.
func FilterTypes() []FilterType { return runner.FilterTypes() }

// useLive runs f with the client of the project's runner, for what is only
// looked at: a closed project has nothing to see.
func (p *Project) useLive(ctx context.Context, f func(*runner.Client) error) error {
	if err := p.begin(); err != nil {
		return err
	}
	defer p.end()
	client, err := p.useRunner(ctx)
	if err != nil {
		return err
	}
	return f(client)
}

// Test sends probe frames through the link and tells which hop fails.
func (l *Link) Test(ctx context.Context) (test LinkTest, err error) {
	err = l.p.useLive(ctx, func(client *runner.Client) error {
		test, err = client.TestLink(ctx, l.id)
		return runnerError(err)
	})
	return test, err
}

// Follow streams the file of the link's capture: what it has, and then what
// comes, until the capture or ctx ends. Conflict when there is no capture. The
// caller closes it.
func (l *Link) Follow(ctx context.Context) (stream io.ReadCloser, err error) {
	err = l.p.useLive(ctx, func(client *runner.Client) error {
		stream, err = client.Follow(ctx, l.id)
		return runnerError(err)
	})
	return stream, err
}

// Listen streams frames of the link without a file. The caller closes it.
func (l *Link) Listen(ctx context.Context, what Listening) (stream io.ReadCloser, err error) {
	err = l.p.useLive(ctx, func(client *runner.Client) error {
		stream, err = client.Listen(ctx, l.id, what)
		return runnerError(err)
	})
	return stream, err
}

// Freeze writes what all links of the project recorded into a pcapng file in
// its captures folder.
func (p *Project) Freeze(ctx context.Context, reason string) (frozen runner.Frozen, err error) {
	err = p.useLive(ctx, func(client *runner.Client) error {
		frozen, err = client.Freeze(ctx, reason)
		return runnerError(err)
	})
	return frozen, err
}

// Watch calls f with the counters that have changed, once an interval, until
// ctx ends, the project closes or f fails. The first call has all of them.
func (p *Project) Watch(ctx context.Context, interval time.Duration, f func(Telemetry) error) error {
	var client *runner.Client
	err := p.useLive(ctx, func(c *runner.Client) error { client = c; return nil })
	if err != nil {
		return err
	}
	if err := client.Watch(ctx, interval, f); ctx.Err() == nil {
		return runnerError(err)
	}
	return ctx.Err()
}

// ProjectTelemetry is the telemetry of a project that has a runner.
type ProjectTelemetry struct {
	Project   ProjectView
	Nodes     []NodeView
	Links     []LinkView
	Telemetry Telemetry
}

// Telemetry asks all projects that run. One that does not answer by the
// deadline of ctx is left out.
func (c *Controller) Telemetry(ctx context.Context) []ProjectTelemetry {
	var mu sync.Mutex
	var out []ProjectTelemetry
	var asked sync.WaitGroup
	for _, p := range c.all() {
		r := p.knownRunner()
		if r == nil {
			continue
		}
		asked.Go(func() {
			t, err := r.client.Telemetry(ctx)
			if err != nil {
				c.cfg.Log.Warn("a runner tells no telemetry", "project", p.id, "err", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			out = append(out, ProjectTelemetry{Project: p.View(), Nodes: p.Nodes(), Links: p.Links(), Telemetry: t})
		})
	}
	asked.Wait()
	return out
}
