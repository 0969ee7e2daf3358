package topology

import (
	"encoding/json"
	"maps"
)

// apart is one field of all objects of a file, outside of the file.
type apart struct {
	Project json.RawMessage            `json:"project,omitempty"`
	Nodes   map[string]json.RawMessage `json:"nodes,omitempty"` // by id
	Links   map[string]json.RawMessage `json:"links,omitempty"` // by id
}

// Apart is the file without a field that is not known here, and the values of
// that field as JSON, nil when no project, node or link has it. The file itself
// stays as it is.
func (f *File) Apart(key string) (*File, json.RawMessage) {
	out, taken := *f, apart{Nodes: map[string]json.RawMessage{}, Links: map[string]json.RawMessage{}}
	out.Extra, taken.Project = cut(f.Extra, key)
	out.Nodes = append([]Node(nil), f.Nodes...)
	for i := range out.Nodes {
		n := &out.Nodes[i]
		extra, value := cut(n.Extra, key)
		if n.Extra = extra; value != nil {
			taken.Nodes[n.NodeID] = value
		}
	}
	out.Links = append([]Link(nil), f.Links...)
	for i := range out.Links {
		l := &out.Links[i]
		extra, value := cut(l.Extra, key)
		if l.Extra = extra; value != nil {
			taken.Links[l.LinkID] = value
		}
	}
	if taken.Project == nil && len(taken.Nodes) == 0 && len(taken.Links) == 0 {
		return &out, nil
	}
	return &out, rawOf(taken)
}

// Join puts what Apart took back. It leaves out what is no JSON, or belongs to
// objects that are not there; a value that the file has itself counts.
func (f *File) Join(key string, values []byte) {
	var taken apart
	if json.Unmarshal(values, &taken) != nil {
		return
	}
	f.Extra = joined(f.Extra, key, taken.Project)
	for i := range f.Nodes {
		f.Nodes[i].Extra = joined(f.Nodes[i].Extra, key, taken.Nodes[f.Nodes[i].NodeID])
	}
	for i := range f.Links {
		f.Links[i].Extra = joined(f.Links[i].Extra, key, taken.Links[f.Links[i].LinkID])
	}
}

// cut is a map without a key, and the value that it had there.
func cut(m map[string]json.RawMessage, key string) (map[string]json.RawMessage, json.RawMessage) {
	value, ok := m[key]
	if !ok {
		return m, nil
	}
	rest := maps.Clone(m)
	delete(rest, key)
	if len(rest) == 0 {
		rest = nil
	}
	return rest, value
}

func joined(m map[string]json.RawMessage, key string, value json.RawMessage) map[string]json.RawMessage {
	if _, ok := m[key]; ok || len(value) == 0 {
		return m
	}
	if m = maps.Clone(m); m == nil {
		m = map[string]json.RawMessage{}
	}
	m[key] = value
	return m
}
