package runner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
)

// check asks the emulator of a device that is always on whether it could be as
// defined, so that whoever defines it hears of a mistake at once.
func (n *node) check(def Node) error {
	emulator, ok := n.runner.emulators[def.Emulator]
	if !def.AlwaysOn || !ok {
		return nil
	}
	s := n.spec()
	s.Name, s.Properties, s.Jacks = def.Name, def.Properties, nil
	for _, p := range def.Ports {
		wire, _ := nio.Pipe() // in place of the one that it will get
		s.Jacks = append(s.Jacks, emulators.Jack{Adapter: p.Adapter, Port: p.Port, NIO: wire})
	}
	if err := emulator.Check(context.Background(), s); err != nil {
		return refuse(http.StatusBadRequest, "%v", err)
	}
	return nil
}

// turnOn starts a device that is always on. It exists even if it cannot run
// here; its state and a message tell why.
func (n *node) turnOn() {
	err := n.start(context.Background())
	if err == nil {
		return
	}
	n.runner.tell("error", err.Error())
	n.changed(Stopped, err.Error(), "")
}

// redefine changes a node. The console moves at once, as do the ports and
// properties of an instance that can change while it runs; those of others
// count from the next start, and their ports stay as they are until then.
func (n *node) redefine(def Node) (NodeState, error) {
	n.mu.Lock()
	old, status := n.def, n.state.Status
	n.mu.Unlock()
	if reflect.DeepEqual(old, def) {
		return n.snapshot(), nil
	}
	if err := n.check(def); err != nil {
		return NodeState{}, err
	}
	if err := n.redefineTo(old, def, status); err != nil {
		return NodeState{}, err
	}
	if def.AlwaysOn && n.running() == nil {
		n.turnOn()
	}
	n.plug()
	return n.snapshot(), nil
}

// redefineTo makes the definition that of the node, or leaves the node as it was.
func (n *node) redefineTo(old, def Node, status Status) error {
	n.listening.Lock()
	defer n.listening.Unlock()
	if old.Console != def.Console {
		if err := n.listen(def.Console); err != nil {
			return err
		}
	}
	var err error
	_, live := n.running().(emulators.Updater)
	switch {
	case live:
		err = n.update(old, def)
	case status != Stopped && !reflect.DeepEqual(old.Ports, def.Ports):
		err = conflict("cannot change the ports of %s while it is %s: stop it first", old.Name, status)
	default:
		err = n.redo(old, def)
	}
	if err == nil {
		return nil
	}
	if back := n.listenAgain(old, def); back != nil {
		return errors.Join(err, back)
	}
	return err
}

func (n *node) running() emulators.Instance {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.instance
}

// listenAgain moves the console back.
func (n *node) listenAgain(old, def Node) error {
	if old.Console == def.Console {
		return nil
	}
	return n.listen(old.Console)
}

// redo gives a node that has no instance, or one that does not care, another
// definition.
func (n *node) redo(old, def Node) error {
	if !reflect.DeepEqual(old.Ports, def.Ports) {
		select { // a start that is under way has the jacks
		case n.op <- struct{}{}:
			defer func() { <-n.op }()
		default:
			return conflict("cannot change the ports of %s while it is being started or stopped: try again", old.Name)
		}
		if n.running() != nil { // it has been started meanwhile
			return conflict("cannot change the ports of %s while it runs: stop it first", old.Name)
		}
		if err := n.replug(def); err != nil {
			return err
		}
	}
	n.mu.Lock()
	n.def = def
	n.mu.Unlock()
	return nil
}

// update changes an instance while it runs.
func (n *node) update(old, def Node) error {
	if err := n.replug(def); err != nil {
		return err
	}
	n.mu.Lock()
	n.def = def
	updater, ok := n.instance.(emulators.Updater)
	n.mu.Unlock()
	if !ok {
		return nil // it has ended meanwhile
	}
	err := updater.Update(context.Background(), n.spec())
	if err == nil {
		return nil
	}
	n.mu.Lock()
	n.def = old
	n.mu.Unlock()
	back := n.replug(old)
	if back == nil { // ports that were gone meanwhile have other jacks now
		back = updater.Update(context.Background(), n.spec())
	}
	if back != nil {
		n.runner.tell("error", fmt.Sprintf("%s has lost ports: %v", old.Name, back))
	}
	return refuse(http.StatusBadRequest, "%v", err)
}

// replug makes the jacks as defined. Those that stay keep what is plugged in.
func (n *node) replug(def Node) error {
	n.mu.Lock()
	have := slices.Clone(n.jacks)
	n.mu.Unlock()
	var keep, gone []jack
	for _, j := range have {
		if slices.Contains(def.Ports, j.Port) {
			keep = append(keep, j)
		} else {
			gone = append(gone, j)
		}
	}
	var missing []Port
	for _, p := range def.Ports {
		if !slices.ContainsFunc(keep, func(j jack) bool { return j.Port == p }) {
			missing = append(missing, p)
		}
	}
	closeJacks(gone) // first: their UDP ports may be wanted
	added, err := openJacks(missing)
	if err != nil {
		back, backErr := openJacks(portsOf(gone))
		n.plugIn(keep, back)
		return errors.Join(err, backErr)
	}
	n.plugIn(keep, added)
	return nil
}

// plugIn makes the jacks those that stayed and new ones, which links at their
// ports get.
func (n *node) plugIn(keep, added []jack) {
	n.mu.Lock()
	n.jacks = append(keep, added...)
	id := n.def.ID
	n.mu.Unlock()
	for _, j := range added {
		key := portKey{id, j.Adapter, j.Port.Port}
		if l := n.runner.linkAt(key); l != nil {
			l.replug(key, j.outer)
		}
	}
}

func portsOf(jacks []jack) []Port {
	var ports []Port
	for _, j := range jacks {
		ports = append(ports, j.Port)
	}
	return ports
}
