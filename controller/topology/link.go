package topology

import "fmt"

// readLinks reads the links. GNS3 leaves links with fewer than two ends behind
// when making one fails: they join nothing and are lost, as they are there.
func (f *File) readLinks(topology object) {
	list := topology.list("links")
	f.Links = make([]Link, 0, len(list))
	for i, v := range list {
		o := topology.r.object(fmt.Sprintf("%slinks[%d]", topology.path, i), v)
		link, ends := readLink(o)
		if topology.r.err != nil {
			return
		}
		if ends != len(link.Nodes) {
			f.Lost = append(f.Lost, fmt.Sprintf("link %s: it has %d ends", link.LinkID, ends))
			continue
		}
		f.Links = append(f.Links, link)
	}
}

// readLink also tells how many ends the link has.
func readLink(o object) (Link, int) {
	o.need("link_id")
	o.drop("project_id", "link_type", "capturing", "capture_file_name", "capture_file_path", "capture_compute_id")
	link := Link{
		LinkID:  o.id("link_id"),
		Filters: readFilters(o),
		Style:   o.dict("link_style"),
		Suspend: o.flag("suspend", false),
	}
	plain(link.Style)
	if link.Style == nil {
		link.Style = map[string]any{}
	}
	ends := o.list("nodes")
	if len(ends) > len(link.Nodes) {
		return link, len(ends)
	}
	for i, v := range ends {
		link.Nodes[i] = readEnd(o.r.object(fmt.Sprintf("%snodes[%d]", o.path, i), v))
	}
	link.Extra = o.extra()
	return link, len(ends)
}

// readFilters takes a single value for a list of one.
func readFilters(o object) map[string][]any {
	filters := map[string][]any{}
	for name, v := range o.dict("filters") {
		switch v := plain(v).(type) {
		case []any:
			filters[name] = v
		case map[string]any:
			o.wrong("filters."+name, "a list", v)
		default:
			filters[name] = []any{v}
		}
	}
	return filters
}

func readEnd(o object) LinkEnd {
	o.need("node_id")
	end := LinkEnd{
		NodeID:  o.id("node_id"),
		Adapter: o.number("adapter_number", 0),
		Port:    o.number("port_number", 0),
		Label:   readLabel(o),
	}
	end.Extra = o.extra()
	return end
}
