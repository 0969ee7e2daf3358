package builtin

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"
	"text/tabwriter"
)

// shownAddresses is how many addresses "show mac" prints.
const shownAddresses = 4096

// Write takes keys that were typed on the console.
func (d *device) Write(p []byte) (int, error) {
	d.keys.Lock()
	defer d.keys.Unlock()
	select {
	case <-d.done:
	default:
		if screen := d.terminal.feed(p, d.prompt); len(screen) > 0 {
			d.print(string(screen))
		}
	}
	return len(p), nil
}

func (d *device) print(text string) {
	if d.out != nil {
		d.out.Write([]byte(text)) // a console takes everything
	}
}

func (d *device) prompt() string { return d.nameNow() + "> " }

// command runs a line of the console and returns its output.
func (d *device) command(line string) string {
	var text string
	switch words := strings.Join(strings.Fields(line), " "); words {
	case "":
		return ""
	case "help", "?":
		text = d.help()
	case "show mac", "sh mac":
		text = d.showAddresses()
	case "show ports", "show interfaces", "sh ports", "sh interfaces":
		text = d.showPorts()
	case "clear mac":
		d.mu.Lock()
		d.table.clear()
		d.mu.Unlock()
	default:
		text = fmt.Sprintf("Unknown command %q. Type \"help\" for those that there are.\n", words)
	}
	return strings.ReplaceAll(text, "\n", "\r\n")
}

func (d *device) help() string {
	text := "show ports       ports with their VLANs and counters; also: show interfaces\n"
	if d.learns {
		text += "show mac         addresses that were learnt, and their ports\n" +
			"clear mac        forget them\n"
	}
	return text + "help, ?          this text\n"
}

// showAddresses prints the table by VLAN and address.
func (d *device) showAddresses() string {
	if !d.learns {
		return "A hub learns no addresses.\n"
	}
	now := d.now()
	d.mu.Lock()
	all := d.table.live(now)
	names := make([]string, len(d.ports))
	for i, p := range d.ports {
		if p != nil {
			names[i] = p.plan.name
		}
	}
	refused := d.table.refused
	d.mu.Unlock()

	slices.SortFunc(all, func(a, b address) int { return cmp.Compare(a.key, b.key) })
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VLAN\tMAC address\tPort\tType\tAge")
	for _, a := range all[:min(len(all), shownAddresses)] {
		mac := net.HardwareAddr{
			byte(a.key >> 40), byte(a.key >> 32), byte(a.key >> 24), byte(a.key >> 16), byte(a.key >> 8), byte(a.key),
		}
		fmt.Fprintf(w, "%d\t%s\t%s\tdynamic\t%ds\n", a.key>>48, mac, names[a.port], now-a.seen)
	}
	w.Flush()
	if more := len(all) - shownAddresses; more > 0 {
		fmt.Fprintf(&text, "... and %d more\n", more)
	}
	fmt.Fprintf(&text, "%d of %d addresses\n", len(all), maxAddresses)
	if refused > 0 {
		fmt.Fprintf(&text, "the table was full %d times: frames to other addresses are flooded\n", refused)
	}
	return text.String()
}

// showPorts prints the ports by number.
func (d *device) showPorts() string {
	overflow := d.funnel.dropped()
	d.mu.Lock()
	var ports []switchPort
	for _, p := range d.ports {
		if p != nil {
			ports = append(ports, switchPort{
				plan: p.plan, down: p.down, in: p.in, out: p.out, refused: p.refused, oversized: p.oversized,
			})
		}
	}
	d.mu.Unlock()

	slices.SortFunc(ports, func(a, b switchPort) int { return cmp.Compare(a.plan.number, b.plan.number) })
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	vlanTitles := ""
	if d.learns {
		vlanTitles = "Type\tVLAN\t"
	}
	fmt.Fprintln(w, "Port\tLink\t"+vlanTitles+"Frames in\tBytes in\tFrames out\tBytes out\tDropped")
	for _, p := range ports {
		link, vlan := "up", ""
		if p.down {
			link = "down"
		}
		if d.learns {
			vlan = p.plan.describe()
		}
		fmt.Fprintf(w, "%s\t%s\t%s%d\t%d\t%d\t%d\t%d\n",
			p.plan.name, link, vlan, p.in.frames, p.in.bytes, p.out.frames, p.out.bytes, p.refused+p.oversized)
	}
	w.Flush()
	if overflow > 0 {
		fmt.Fprintf(&text, "%d frames dropped because the queue was full: is there a loop?\n", overflow)
	}
	return text.String()
}

// describe makes the columns Type and VLAN.
func (p portPlan) describe() string {
	switch p.kind {
	case dot1q:
		return fmt.Sprintf("dot1q\tnative %d\t", p.vlan)
	case qinq:
		return fmt.Sprintf("qinq 0x%04X\touter %d\t", p.tpid, p.vlan)
	default:
		return fmt.Sprintf("access\t%d\t", p.vlan)
	}
}
