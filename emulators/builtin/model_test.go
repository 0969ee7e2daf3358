package builtin

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// switchModel is a switch as simple as can be: frames are lists of tags, the
// table is a map.
type switchModel struct {
	ports map[int]modelPort
	table map[[2]int]modelStation // by VLAN and station
	now   int
}

type modelPort struct {
	kind string
	vlan int
	tpid string
}

type modelStation struct{ port, seen int }

func (p modelPort) String() string {
	return fmt.Sprintf("%s %d 0x%s", p.kind, p.vlan, p.tpid)
}

func (m *switchModel) specs() []string {
	var all []string
	for n, p := range m.ports {
		all = append(all, fmt.Sprintf("%d %v", n, p))
	}
	slices.Sort(all)
	return all
}

// modelTag reads a tag as eth takes it: "tpid/priority.vlan".
func modelTag(tag string) (tpid string, priority, vlan int) {
	tpid, rest, _ := strings.Cut(tag, "/")
	fmt.Sscanf(rest, "%d.%d", &priority, &vlan)
	return tpid, priority, vlan
}

// modelFrame is between two stations.
type modelFrame struct {
	destination, source int
	tags                []string
}

// send returns what comes out for a batch, as bench.send does.
func (m *switchModel) send(from int, batch []modelFrame) string {
	var out []string
	for _, f := range batch {
		out = append(out, m.forward(from, f.destination, f.source, f.tags)...)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (m *switchModel) forward(from, destination, source int, tags []string) (out []string) {
	p := m.ports[from]
	vlan, own, tpid, always := p.vlan, "", "8100", false
	switch p.kind {
	case "dot1q":
		if len(tags) > 0 {
			if _, _, v := modelTag(tags[0]); v != 0 {
				own, vlan, tags = tags[0], v, tags[1:]
			}
		}
	case "qinq":
		tpid, always = p.tpid, true
	}
	m.table[[2]int{vlan, source}] = modelStation{from, m.now}
	targets := []int{}
	if at, known := m.table[[2]int{vlan, destination}]; known && m.now-at.seen < 300 && destination != 255 {
		if at.port != from {
			targets = append(targets, at.port)
		}
	} else {
		for n := range m.ports {
			if n != from {
				targets = append(targets, n)
			}
		}
	}
	for _, n := range targets {
		to := m.ports[n]
		if to.kind != "dot1q" && to.vlan != vlan {
			continue
		}
		left := m.leave(to, vlan, own, tpid, always, tags)
		out = append(out, fmt.Sprintf("%d:%s", n, show(eth(destination, source, left...))))
	}
	return out
}

// leave returns the tags of a frame where it leaves.
func (m *switchModel) leave(to modelPort, vlan int, own, tpid string, always bool, tags []string) []string {
	inner, priority, hasTag := -1, 0, len(tags) > 0
	if hasTag {
		_, priority, inner = modelTag(tags[0])
	}
	switch {
	case to.kind != "dot1q", to.vlan == vlan && !always && (!hasTag || inner == 0):
		return tags
	case own != "":
		return append([]string{own}, tags...)
	case inner == 0 && !always:
		return append([]string{fmt.Sprintf("%s/%d.%d", tpid, priority, vlan)}, tags[1:]...)
	default:
		return append([]string{fmt.Sprintf("%s/0.%d", tpid, vlan)}, tags...)
	}
}

// flush forgets a port.
func (m *switchModel) flush(port int) {
	for key, at := range m.table {
		if at.port == port {
			delete(m.table, key)
		}
	}
}

// TestSwitchIsItsModel compares a switch with the model, through edits,
// pulled cables and time.
func TestSwitchIsItsModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) { checkAgainstModel(t, r) })
}

func checkAgainstModel(t *testing.T, r *rapid.T) {
	vlans := rapid.IntRange(1, 3)
	port := rapid.Custom(func(r *rapid.T) modelPort {
		return modelPort{
			kind: rapid.SampledFrom([]string{"access", "dot1q", "qinq"}).Draw(r, "kind"),
			vlan: vlans.Draw(r, "vlan"),
			tpid: rapid.SampledFrom([]string{"8100", "88a8", "9100", "9200"}).Draw(r, "ethertype"),
		}
	})
	tag := rapid.Custom(func(r *rapid.T) string {
		tpid := rapid.SampledFrom([]string{"8100", "8100", "88a8", "9100", "9200"}).Draw(r, "tpid")
		return fmt.Sprintf("%s/%d.%d", tpid, rapid.IntRange(0, 7).Draw(r, "priority"), rapid.IntRange(0, 3).Draw(r, "tag"))
	})
	frame := rapid.Custom(func(r *rapid.T) modelFrame {
		return modelFrame{
			rapid.SampledFrom([]int{1, 2, 3, 4, 255}).Draw(r, "destination"),
			rapid.IntRange(1, 4).Draw(r, "source"),
			rapid.SliceOfN(tag, 0, 3).Draw(r, "tags"),
		}
	})
	m := &switchModel{ports: map[int]modelPort{}, table: map[[2]int]modelStation{}}
	for n := range 4 {
		m.ports[n] = port.Draw(r, "port")
	}
	b := newBench(t, m.specs()...)
	defer b.device.Stop(t.Context())
	for range rapid.IntRange(1, 40).Draw(r, "steps") {
		n := rapid.IntRange(0, 5).Draw(r, "n")
		switch rapid.SampledFrom([]string{"send", "send", "send", "send", "edit", "remove", "pull", "wait", "clear"}).Draw(r, "step") {
		case "send":
			if _, there := m.ports[n]; !there {
				continue
			}
			batch := rapid.SliceOfN(frame, 1, 3).Draw(r, "batch")
			for range rapid.IntRange(0, 3).Draw(r, "again") { // runs of like frames
				again := batch[rapid.IntRange(0, len(batch)-1).Draw(r, "which")]
				if len(again.tags) > 0 && rapid.Bool().Draw(r, "other payload") {
					again.tags = append(again.tags[:1:1], rapid.SliceOfN(tag, 0, 1).Draw(r, "tags")...)
				}
				batch = append(batch, again)
			}
			var frames [][]byte
			for _, f := range batch {
				frames = append(frames, eth(f.destination, f.source, f.tags...))
			}
			if got, want := b.send(n, frames...), m.send(n, batch); got != want {
				r.Fatalf("%v: %v went into port %d, and out came\n %s, want\n %s", m.specs(), batch, n, got, want)
			}
		case "edit":
			p := port.Draw(r, "port")
			old, there := m.ports[n]
			m.ports[n] = p
			if there && (old.kind != p.kind || old.vlan != p.vlan || p.kind == "qinq" && old.tpid != p.tpid) {
				m.flush(n)
			}
			if err := b.update(m.specs()...); err != nil {
				r.Fatal(err)
			}
		case "remove":
			delete(m.ports, n)
			m.flush(n)
			if err := b.update(m.specs()...); err != nil {
				r.Fatal(err)
			}
		case "pull":
			if _, there := m.ports[n]; there {
				m.flush(n)
				b.device.SetCarrier(0, n, false)
			}
		case "wait":
			// Tens of seconds: those that the test itself takes do not matter.
			seconds := 10 * rapid.IntRange(0, 40).Draw(r, "tens of seconds")
			b.device.born = b.device.born.Add(-time.Duration(seconds) * time.Second)
			m.now += seconds
		case "clear":
			clear(m.table)
			b.typed("clear mac\r")
		}
	}
}
