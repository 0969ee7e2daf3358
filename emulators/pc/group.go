package pc

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
)

const (
	maxTyped   = 8 << 10 // bytes of input kept while a command runs; more is dropped
	maxCrashes = 5       // within crashWindow, before the group gives up
)

const crashWindow = time.Minute

// GroupConfig is what a Group is made from.
type GroupConfig struct {
	Folder  string // of saved files; exists
	Startup string // script to execute at start; "" is startup.vpc, if it exists
	PCs     []Config
	Console emulators.Console
	Log     *slog.Logger // nil: nothing is logged
}

// Config is one PC of a group.
type Config struct {
	Name  string // "" is VPCS
	MAC   net.HardwareAddr
	NIO   nio.NIO // nil: no cable; stays the caller's
	LPort int     // shown by "show"
	// Remote is shown by "show"; zero is 127.0.0.1:0.
	Remote netip.AddrPort
	// Rewire moves the wire to other UDP addresses, for "set lport" and its
	// like; nil: they change only what is shown.
	Rewire func(lport int, remote netip.AddrPort) error
	// Problem with the wire, told on the console at start.
	Problem string
}

// Group is one to nine virtual PCs that share a console session, as a vpcs
// process does. It implements emulators.Instance and emulators.Suspender. Safe
// for concurrent use. It holds no goroutine while its prompt waits for input.
type Group struct {
	cfg       GroupConfig
	suspended atomic.Bool // read for every frame
	done      chan struct{}
	work      sync.WaitGroup // running commands

	// mu is never held while a host or a file is used. Console writes happen
	// under it, to keep them in order; they do not block by contract.
	mu      sync.Mutex
	term    terminal
	pcs     []*machine
	current int // index in pcs
	echo    echoStyle
	life    int // grows with every restart
	running bool
	closed  bool
	quiet   bool // told already that the history cannot be saved
	cancel  context.CancelFunc
	key     chan struct{} // closed by the next key, when a command waits for one
	typed   []byte        // input that came while a command ran
	crashes []time.Time
	err     error // why it ended
}

// NewGroup starts a group. It returns when the PCs are wired and the banner
// has been written; a startup script goes on in the background.
func NewGroup(cfg GroupConfig) (group *Group, err error) {
	if len(cfg.PCs) < 1 || len(cfg.PCs) > 9 {
		return nil, fmt.Errorf("cannot start %d virtual PCs in one session: 1 to 9 are possible", len(cfg.PCs))
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	defer func() {
		if v := recover(); v != nil {
			cfg.Log.Error("virtual PC crashed at start", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			group, err = nil, fmt.Errorf("cannot start the virtual PC: internal error: %v", v)
		}
	}()
	g := &Group{cfg: cfg, done: make(chan struct{})}
	g.term.complete = completions
	g.loadHistory()
	g.boot("")
	return g, nil
}

// boot makes new hosts, wires them and starts the session, after reason.
func (g *Group) boot(reason string) {
	g.mu.Lock()
	life := g.life + 1
	g.mu.Unlock()
	pcs := make([]*machine, len(g.cfg.PCs))
	for i := range pcs {
		pcs[i] = newMachine(g, i, life)
	}
	startup := g.startup()
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		closeAll(pcs)
		return
	}
	defer g.mu.Unlock()
	g.pcs, g.current, g.echo, g.typed, g.running = pcs, 0, echoStyle{}, nil, false
	g.life = life
	g.term.reset()
	g.writeLocked(reason + banner())
	for _, c := range g.cfg.PCs {
		if c.Problem != "" {
			g.writeLocked(c.Problem + "\n")
		}
	}
	if startup == "" {
		g.writeLocked(g.promptLocked())
		return
	}
	g.startLocked(func(c *call) { c.startup(startup) })
}

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

// recovered is deferred wherever code of life life of the group runs: a panic
// is told and logged, and the PCs start anew.
func (g *Group) recovered(life int) {
	v := recover()
	if v == nil {
		return
	}
	g.cfg.Log.Error("virtual PC crashed", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	go g.restart(life, fmt.Sprint(v))
}

// restart replaces the PCs after a crash in life life.
func (g *Group) restart(life int, cause string) {
	g.mu.Lock()
	if g.closed || g.life != life {
		g.mu.Unlock()
		return
	}
	g.life++ // what still runs of the old life does not matter any more
	old, now := g.pcs, time.Now()
	for len(g.crashes) > 0 && now.Sub(g.crashes[0]) > crashWindow {
		g.crashes = g.crashes[1:]
	}
	g.crashes = append(g.crashes, now)
	hopeless := len(g.crashes) > maxCrashes
	if g.cancel != nil {
		g.cancel()
		g.cancel = nil
	}
	g.mu.Unlock()
	closeAll(old)
	if hopeless {
		g.end(fmt.Errorf("the virtual PC crashed %d times within %v: %s", maxCrashes+1, crashWindow, cause))
		return
	}
	g.boot("\n\nInternal error: " + cause + "\nThe virtual PC is restarting.\n")
}

// Stop ends the group; files that it was writing are complete unless ctx ends first.
func (g *Group) Stop(ctx context.Context) error {
	go g.end(nil)
	select {
	case <-g.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("cannot stop the virtual PC in time: %w", context.Cause(ctx))
	}
}

// end stops everything and closes done.
func (g *Group) end(err error) {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return
	}
	g.closed, g.err = true, err
	if g.cancel != nil {
		g.cancel()
	}
	pcs := g.pcs
	g.mu.Unlock()
	closeAll(pcs)
	g.work.Wait()
	close(g.done)
}

// Done is closed when the group has ended.
func (g *Group) Done() <-chan struct{} { return g.done }

// Exit tells why the group ended: nil after Stop and after "quit".
func (g *Group) Exit() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// Suspend drops all frames and keeps input until Resume.
func (g *Group) Suspend(context.Context) error {
	g.suspended.Store(true)
	return nil
}

// Resume ends Suspend.
func (g *Group) Resume(context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.suspended.Store(false)
	if !g.running {
		typed := g.typed
		g.typed = nil
		g.inputLocked(typed)
	}
	return nil
}

// writeLocked writes text, whose lines end with "\n", to the console.
func (g *Group) writeLocked(text string) {
	if text != "" {
		_, _ = g.cfg.Console.Write(crlf(text))
	}
}

// promptLocked is the prompt with the newline before it.
func (g *Group) promptLocked() string {
	return prompt(g.pcs, g.pcs[g.current])
}

func prompt(pcs []*machine, pc *machine) string {
	if len(pcs) > 1 {
		return fmt.Sprintf("\n\r%s[%d]> ", pc.title(), pc.index+1)
	}
	return "\n\r" + pc.title() + "> "
}
