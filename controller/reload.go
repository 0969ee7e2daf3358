package controller

import "context"

// Reload looks again at what people may have put right by hand while the server
// ran: projects that were open and could not be loaded are opened. One that
// still cannot be is told in the log, and is no error.
func (c *Controller) Reload(ctx context.Context) error {
	for _, p := range c.all() {
		p.mu.Lock()
		again := p.state == projectClosed && p.problem != "" && p.rec.Open
		p.mu.Unlock()
		if !again {
			continue
		}
		if err := p.Open(ctx); err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}
