package pc

import "fmt"

// SetCarrier tells whether the cable leads anywhere. Without a carrier the PCs
// send and take no frames and "show" says so. It implements emulators.Carrier.
func (g *Group) SetCarrier(adapter, port int, up bool) error {
	if adapter != 0 || port != 0 {
		return fmt.Errorf("cannot set the carrier of port %d/%d: a virtual PC has port 0 of adapter 0 only", adapter, port)
	}
	g.noCarrier.Store(!up)
	g.applyCarrier()
	return nil
}

// applyCarrier tells the present PCs. They may be replaced meanwhile; who
// replaces them calls it again.
func (g *Group) applyCarrier() {
	g.carrierMu.Lock()
	defer g.carrierMu.Unlock()
	g.mu.Lock()
	pcs := g.pcs
	g.mu.Unlock()
	for _, m := range pcs {
		m.host.SetCarrier(!g.noCarrier.Load())
	}
}

// carrierMark is what a line of "show" ends with.
func (m *machine) carrierMark() string {
	if m.host.Carrier() {
		return ""
	}
	return "  (no carrier)"
}
