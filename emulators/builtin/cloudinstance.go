package builtin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
)

// cloudInstance is a running cloud.
type cloudInstance struct {
	*cloudLife
	id      string
	name    string // at the start
	console emulators.Console
	log     *slog.Logger
	tell    func(level, text string) // may be nil
	changed func()                   // tells that problems have; may be nil
	unwatch func()                   // ends the watching of interfaces and waits for that

	op      sync.Mutex // one change at a time, with the system calls it needs
	ports   map[int]*cloudPort
	down    map[int]bool // ports without a carrier; lasts longer than the device that shows it
	stopped bool

	mu       sync.Mutex
	problems map[int]string // by port number; not changed once it is here
}

// cloudPort is one port. All of it is for the holder of op.
type cloudPort struct {
	mapping    cloudMapping
	jack       nio.NIO
	end        *cloudEnd   // nil when not connected
	bridge     *nio.Bridge // of jack and end
	problem    string      // why it is not connected
	remote     netip.Addr  // of a tunnel, unless unresolved
	unresolved error
	tried      time.Time // when connecting failed last, although the interface was there
}

// cloudEnd is the host's side of a port that is connected.
type cloudEnd struct {
	nio     nio.NIO
	devices []int               // indexes of the interfaces without which it is dead
	carrier func(up bool) error // nil: it cannot show one
}

// Write takes what is typed: Enter shows the ports.
func (i *cloudInstance) Write(p []byte) (int, error) {
	if slices.Contains(p, '\r') || slices.Contains(p, '\n') {
		for _, line := range i.Problems() {
			cloudPrint(i.console, line)
		}
		cloudPrint(i.console, fmt.Sprintf("%d port(s) with a problem", len(i.Problems())))
	}
	return len(p), nil
}

// Problems says for each port that is not connected why, in the ports' order.
func (i *cloudInstance) Problems() []string {
	i.mu.Lock()
	problems := i.problems
	i.mu.Unlock()
	var lines []string
	for _, number := range slices.Sorted(maps.Keys(problems)) {
		lines = append(lines, problems[number])
	}
	return lines
}

// PortProblem says why a port is not connected.
func (i *cloudInstance) PortProblem(_, port int) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.problems[port]
}

// Update connects the ports as s says. Ports that stay as they are lose no
// frame.
func (i *cloudInstance) Update(ctx context.Context, s emulators.Spec) error {
	plan, err := cloudPlan(s)
	if err != nil {
		return err
	}
	cloudResolve(ctx, plan)
	i.op.Lock()
	defer i.op.Unlock()
	if i.stopped {
		return errors.New("cannot change the cloud: it has ended")
	}
	i.replace(plan)
	return nil
}

// SetCarrier shows the carrier of the cable at a port to the host, where the
// port is a TAP device.
func (i *cloudInstance) SetCarrier(adapter, port int, up bool) error {
	i.op.Lock()
	defer i.op.Unlock()
	if adapter != 0 || i.stopped {
		return fmt.Errorf("cannot set the carrier of port %d/%d: there is no such port", adapter, port)
	}
	i.down[port] = !up
	p := i.ports[port]
	if p == nil || p.end == nil || p.end.carrier == nil {
		return nil // shown when the port is connected to something that can
	}
	return p.end.carrier(up)
}

// Stop disconnects all ports and removes what the cloud made on the host.
func (i *cloudInstance) Stop(context.Context) error {
	i.unwatch()
	i.op.Lock()
	i.stopped = true
	for _, p := range i.ports {
		p.disconnect()
	}
	i.ports = nil
	i.op.Unlock()
	i.end()
	return nil
}

// replace makes the ports those of plan; op held.
func (i *cloudInstance) replace(plan map[int]*cloudPort) {
	for number, p := range i.ports {
		if next := plan[number]; next != nil && next.jack == p.jack && next.mapping == p.mapping {
			plan[number] = p
			continue
		}
		p.disconnect() // all before the first connect: what they hold may be wanted
	}
	i.ports = plan
	for _, p := range cloudSorted(plan) {
		if p.end == nil {
			i.connect(p)
		}
	}
	i.publish()
}

// connect tries to connect a port, and tells the user when that changes
// anything; op held.
func (i *cloudInstance) connect(p *cloudPort) {
	m := p.mapping
	end, err := cloudOpen(p, cloudDeviceName(cloudPrefix, i.id, m.Number))
	if err != nil {
		if !errors.Is(err, errCloudMissing) { // that changed nothing on the host
			p.tried = time.Now()
		}
		i.report(p, fmt.Sprintf("%s is not connected: %v", m.label(), err))
		return
	}
	if end.carrier != nil && i.down[m.Number] {
		_ = end.carrier(false) // a device that cannot show it is up
	}
	p.end, p.bridge = end, nio.NewBridge(p.jack, end.nio)
	if p.problem != "" {
		p.problem = ""
		cloudPrint(i.console, m.label()+" is connected")
		i.log.Info("cloud port is connected", "port", m.label())
		i.notify("info", m.label()+" is connected")
	}
}

// report tells a problem once; op held.
func (i *cloudInstance) report(p *cloudPort, problem string) {
	if p.problem == problem {
		return
	}
	p.problem = problem
	cloudPrint(i.console, problem)
	i.log.Warn("cloud port is not connected", "port", p.mapping.label(), "problem", problem)
	i.notify("error", problem)
}

func (i *cloudInstance) notify(level, text string) {
	if i.tell != nil {
		i.tell(level, i.name+": "+text)
	}
}

// publish shows the problems to Problems; op held.
func (i *cloudInstance) publish() {
	problems := map[int]string{}
	for number, p := range i.ports {
		if p.problem != "" {
			problems[number] = p.problem
		}
	}
	i.mu.Lock()
	same := maps.Equal(i.problems, problems)
	i.problems = problems
	i.mu.Unlock()
	if !same && i.changed != nil {
		i.changed()
	}
}

// disconnect frees what the port holds of the host.
func (p *cloudPort) disconnect() {
	if p.end == nil {
		return
	}
	p.bridge.Close()
	_ = p.end.nio.Close() // of a device that may have gone
	p.end, p.bridge = nil, nil
}

func cloudSorted(ports map[int]*cloudPort) []*cloudPort {
	return slices.SortedFunc(maps.Values(ports), func(a, b *cloudPort) int {
		return cmp.Compare(a.mapping.Number, b.mapping.Number)
	})
}
