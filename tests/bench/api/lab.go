package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lanyard-lab/lanyard/tests/bench/subject"
)

// clients is how many there are at a time where it is not one.
const clients = 16

// A part of the large lab: one switch with its PCs, and one link more than that
// to each of the next switches, so that 1000 nodes have 1500 links.
const (
	partPCs   = 9
	partLinks = 6 // from a switch to those that come next
	partSize  = 1 + partPCs
)

// lab is a project and its nodes.
type lab struct {
	server *subject.Server
	path   string // of the project in the API
	folder string // of the project on the disk
	nodes  []string
}

// newLab makes an empty project.
func newLab(ctx context.Context, s *subject.Server, name string) (*lab, error) {
	var project struct {
		ProjectID string `json:"project_id"`
		Path      string `json:"path"`
	}
	err := s.Call(ctx, http.MethodPost, "/v2/projects", map[string]any{"name": name}, &project)
	return &lab{server: s, path: "/v2/projects/" + project.ProjectID, folder: project.Path}, err
}

// node makes a node as GNS3's desktop client does.
func (l *lab) node(ctx context.Context, name, nodeType string, properties map[string]any) (id string, err error) {
	body := map[string]any{"name": name, "node_type": nodeType, "compute_id": "local", "x": 100, "y": 100}
	if properties != nil {
		body["properties"] = properties
	}
	var node struct {
		NodeID string `json:"node_id"`
	}
	err = l.server.Call(ctx, http.MethodPost, l.path+"/nodes", body, &node)
	return node.NodeID, err
}

// end is one end of a link.
type end struct {
	NodeID  string `json:"node_id"`
	Adapter int    `json:"adapter_number"`
	Port    int    `json:"port_number"`
}

func (l *lab) link(ctx context.Context, a, b end) error {
	return l.server.Call(ctx, http.MethodPost, l.path+"/links", map[string]any{"nodes": []end{a, b}}, nil)
}

// switchPorts are those of a switch of the large lab. Ports to other switches are
// each in a VLAN of their own: nothing goes round in circles.
func switchPorts() map[string]any {
	var ports []map[string]any
	for i := range partPCs + 2*partLinks {
		vlan := 1
		if i >= partPCs {
			vlan = 100 + i
		}
		ports = append(ports, map[string]any{"name": fmt.Sprint("Ethernet", i), "port_number": i, "type": "access", "vlan": vlan})
	}
	return map[string]any{"ports_mapping": ports}
}

// fill makes the large lab: size nodes, of which every tenth is a switch, and
// half as many links again.
func (l *lab) fill(ctx context.Context, size int) (links int, err error) {
	l.nodes = make([]string, size)
	err = each(ctx, size, func(ctx context.Context, i int) (err error) {
		if i%partSize == 0 {
			l.nodes[i], err = l.node(ctx, fmt.Sprint("SW", i), "ethernet_switch", switchPorts())
			return err
		}
		l.nodes[i], err = l.node(ctx, fmt.Sprint("PC", i), "vpcs", nil)
		return err
	})
	if err != nil {
		return 0, err
	}
	parts := size / partSize
	perPart := partPCs + partLinks
	return parts * perPart, each(ctx, parts*perPart, func(ctx context.Context, i int) error {
		part, nth := i/perPart, i%perPart
		own := l.nodes[part*partSize]
		if nth < partPCs {
			return l.link(ctx, end{NodeID: own, Port: nth}, end{NodeID: l.nodes[part*partSize+1+nth]})
		}
		nth -= partPCs
		next := l.nodes[(part+1+nth)%parts*partSize]
		return l.link(ctx, end{NodeID: own, Port: partPCs + nth}, end{NodeID: next, Port: partPCs + partLinks + nth})
	})
}

// each calls f for 0 to n-1, in as many clients as there are.
func each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(clients)
	for i := range n {
		group.Go(func() error { return f(ctx, i) })
	}
	return group.Wait()
}

// times calls f n times, one after the other, and tells how long each took, in
// milliseconds.
func times(n int, f func(i int) error) ([]float64, error) {
	var all []float64
	for i := range n {
		took, err := timed(func() error { return f(i) })
		if err != nil {
			return nil, err
		}
		all = append(all, took)
	}
	return all, nil
}

// timed tells how many milliseconds f took.
func timed(f func() error) (float64, error) {
	begin := time.Now()
	err := f()
	return float64(time.Since(begin).Microseconds()) / 1000, err
}
