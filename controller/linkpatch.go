package controller

// apply changes the record by a patch. Filters are for the runner to check.
func (r *linkRecord) apply(patch LinkPatch) {
	if patch.Suspend != nil {
		r.Suspend = *patch.Suspend
	}
	if patch.Filters != nil {
		r.Filters = patch.Filters.used()
	}
	if patch.LaneFilters != nil {
		for i, f := range patch.LaneFilters {
			r.LaneFilters[i] = f.inPlace()
		}
	}
	if patch.Seed != nil {
		r.Seed = *patch.Seed
	}
	if patch.Style != nil {
		r.Style = *patch.Style
	}
	for _, l := range patch.Labels {
		for i, e := range r.Ends {
			if e.Node == l.NodeID && len(l.Label) > 0 {
				r.Labels[i] = l.Label
			}
		}
	}
}

// check refuses filters of one direction without a value, which could mean
// anything, and more about the look of the link than a label needs.
func (patch LinkPatch) check() error {
	if patch.Style != nil {
		if err := checkLook("style", *patch.Style); err != nil {
			return err
		}
	}
	for _, l := range patch.Labels {
		if err := checkLook("label", l.Label); err != nil {
			return err
		}
	}
	if patch.LaneFilters == nil {
		return nil
	}
	for _, filters := range patch.LaneFilters {
		for name, values := range filters {
			if len(values) == 0 {
				return Errorf(Invalid, "cannot use filter %q without a value: give one, or leave the filter out", name)
			}
		}
	}
	return nil
}

// used leaves out filters that are off: those without a value, which is how
// GNS3's web client sends them, and those whose first value is 0 or "".
func (f Filters) used() Filters {
	out := Filters{}
	for name, values := range f {
		if len(values) == 0 || values[0] == 0.0 || values[0] == "" {
			continue
		}
		out[name] = values
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// inPlace keeps filters that are off: they take the place of one that both
// directions have.
func (f Filters) inPlace() Filters {
	if len(f) == 0 {
		return nil
	}
	return f
}

// checkLook bounds what is kept for clients without being understood.
func checkLook(what string, value map[string]any) error {
	if n := len(encode(value)); n > maxLabel {
		return Errorf(Invalid, "cannot keep the %s: it has %d bytes, at most %d are allowed", what, n, maxLabel)
	}
	return nil
}
