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
// process does. It implements emulators.Instance, emulators.Suspender and
// emulators.Carrier. Safe for concurrent use. It holds no goroutine while its prompt waits for input.
type Group struct {
	cfg       GroupConfig
	suspended atomic.Bool // read for every frame
	noCarrier atomic.Bool // see SetCarrier
	done      chan struct{}
	work      sync.WaitGroup // running commands

	carrierMu sync.Mutex // keeps changes of the carrier in order; taken before mu

	// mu is never held while a host or a file is used. Console writes happen
	// under it, to keep them in order; they do not block by contract.
	mu      sync.Mutex
	onEnd   func() // see OnEnd; may be nil
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
	defer g.applyCarrier() // mu is free again by then
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
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.done)
	if g.onEnd != nil {
		go g.onEnd()
	}
}

// Done is closed when the group has ended.
func (g *Group) Done() <-chan struct{} { return g.done }

// OnEnd calls f in a goroutine of its own once the group has ended.
func (g *Group) OnEnd(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.done:
		go f()
	default:
		g.onEnd = f
	}
}

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
