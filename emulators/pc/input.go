package pc

import (
	"context"
	"fmt"
)

// maxTyped is how many bytes of input are kept while a command runs; more is dropped.
const maxTyped = 8 << 10

// Write types p into the session. It never blocks or fails.
func (g *Group) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inputLocked(p)
	return len(p), nil
}

// inputLocked edits the line while the prompt waits, otherwise keeps p for later.
func (g *Group) inputLocked(p []byte) {
	for len(p) > 0 && !g.closed {
		if g.running || g.suspended.Load() {
			g.aheadLocked(p)
			return
		}
		out, ev, line, n := g.term.feed(p[:min(len(p), maxLine)], string(crlf(g.promptLocked())))
		p = p[n:]
		if len(out) > 0 {
			_, _ = g.cfg.Console.Write(out)
		}
		switch ev {
		case accepted:
			g.acceptLocked(line)
		case overlong:
			g.writeLocked(fmt.Sprintf("\nLine is too long (%d bytes at most)\n", maxLine) + g.promptLocked())
		case interrupt:
			g.writeLocked(g.promptLocked())
		}
	}
}

// aheadLocked keeps input that came while a command runs: Ctrl-C stops the
// command and drops what was typed before it.
func (g *Group) aheadLocked(p []byte) {
	if g.term.state.afterCR {
		g.term.state.afterCR = false
		if p[0] == '\n' || p[0] == 0 {
			p = p[1:]
		}
	}
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] != 0x03 {
			continue
		}
		g.typed, p = nil, p[i+1:]
		if g.running && g.cancel != nil {
			g.writeLocked("^C")
			g.cancel()
			g.cancel = nil
		}
		break
	}
	if g.key != nil && len(p) > 0 {
		close(g.key)
		g.key = nil
		g.term.state.afterCR = p[0] == '\r'
		p = p[1:]
		if g.term.state.afterCR && len(p) > 0 {
			g.aheadLocked(p)
			return
		}
	}
	g.typed = append(g.typed, p[:min(len(p), maxTyped-len(g.typed))]...)
}

// acceptLocked runs a typed line.
func (g *Group) acceptLocked(line string) {
	if len(tokenize(line)) == 0 {
		g.writeLocked(g.promptLocked())
		return
	}
	g.term.history.add(line)
	saved := g.term.history.encode()
	if !silent(line) {
		g.writeLocked("\n")
	}
	g.startLocked(func(c *call) {
		c.saveHistory(saved)
		c.execute(line, false)
	})
}

// startLocked runs f as the session's command, on a goroutine of its own.
func (g *Group) startLocked(f func(*call)) {
	ctx, cancel := context.WithCancel(context.Background())
	g.running, g.cancel = true, cancel
	c := &call{g: g, ctx: ctx, pcs: g.pcs, pc: g.pcs[g.current], life: g.life}
	g.work.Add(1)
	go func() {
		defer g.work.Done()
		defer cancel()
		defer g.recovered(g.life)
		f(c)
		g.finished(c)
	}()
}

// finished returns to the prompt after a command and uses what was typed meanwhile.
func (g *Group) finished(c *call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.life != c.life || g.closed {
		return
	}
	if c.quit {
		go g.end(nil)
		return
	}
	g.running, g.cancel, g.key = false, nil, nil
	for i, pc := range g.pcs {
		if pc == c.pc {
			g.current = i
		}
	}
	if !c.prompted {
		g.writeLocked(g.promptLocked())
	}
	typed := g.typed
	g.typed = nil
	g.inputLocked(typed)
}
