package stack

// addressesChanged is called after an address of the PC has been set or taken
// away, outside mu.
func (h *Host) addressesChanged() {}
