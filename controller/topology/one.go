package topology

import (
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// one converts a file of GNS3 1.x. There, nodes and ports have small numbers,
// links join ports by number, and shapes are no SVG.
type one struct {
	r        *reader
	f        *File
	space    uuid.UUID          // of the ids that the file does not have
	computes map[string]string  // ids of computes by number of the server
	nodes    map[string]oneNode // by number
	pictures map[string]string  // where each file of a picture was
	files    string             // folder of the node's files: NAME-files before 1.3
}

// oneNode is what links need to know about a node.
type oneNode struct {
	id, name string
	ports    map[string]onePort // by number
}

// onePort is where a port of 1.x is now.
type onePort struct {
	adapter, port int
	label         any
}

// convertOne makes the layout of later revisions of a file of GNS3 1.x. An id
// that the file does not have is made of its content, so that reading it again
// gives the same.
func (f *File) convertOne(root map[string]any, data []byte) (map[string]any, error) {
	r := &reader{}
	o := object{r: r, fields: root}
	content := o.take("topology")
	if content == nil {
		content = map[string]any{} // a project that nobody drew in
	}
	old := r.object("topology", content)
	c := &one{r: r, f: f, computes: map[string]string{}, pictures: map[string]string{}, nodes: map[string]oneNode{}}
	c.files = o.text("name", "") + "-files"
	if o.fields["name"] = strings.TrimSuffix(c.files, "-files"); f.From > 1 || o.fields["project_id"] != nil {
		c.files = "project-files"
	}
	if id, ok := o.fields["project_id"].(string); ok && uuid.Validate(id) == nil && len(id) == 36 {
		c.space = uuid.MustParse(id)
	} else {
		c.space = made(uuid.NameSpaceURL, data)
		o.fields["project_id"] = c.space.String()
	}
	o.drop("resources_type")
	if o.fields["version"] == nil {
		o.fields["version"] = ""
	}
	topology := map[string]any{"computes": c.convertServers(old)}
	topology["nodes"] = c.convertNodes(old)
	topology["links"] = c.convertLinks(old)
	topology["drawings"] = c.convertDrawings(old)
	c.move("instructions.txt", "README.txt")
	c.loseFields("the map", old.fields)
	now := map[string]any{"topology": topology}
	for _, key := range []string{"type", "name", "project_id", "version", "auto_start", "auto_open", "auto_close"} {
		now[key] = o.take(key)
	}
	o.drop("revision")
	c.loseFields("the project", o.fields)
	return now, r.err
}

// internetDisk is the MD5 of the disk of the appliance "Internet" of 1.x. Since
// 2.0 a NAT node is that way out.
const internetDisk = "8ebc5a6ec53a1c05b7aa101b5ceefe31"

// id makes the id of a thing that has none.
func (c *one) id(kind, number string) string {
	return made(c.space, []byte(kind+" "+number)).String()
}

// made is an id made of data. It says that it is a random one, version 4, since
// GNS3 takes no others for projects.
func made(space uuid.UUID, data []byte) uuid.UUID {
	id := uuid.NewSHA1(space, data)
	id[6] = id[6]&0x0f | 0x40
	return id
}

// lose notes what cannot be kept.
func (c *one) lose(what string) { c.f.Lost = append(c.f.Lost, what) }

// convertServers makes computes of the servers other than the local one and the
// GNS3 VM, which no file lists.
func (c *one) convertServers(old object) []any {
	list := []any{}
	for _, o := range each(old, "servers", func(o object) object { return o }) {
		number := o.text("id", "")
		id := c.id("server", number)
		switch {
		case o.flag("local", false):
			id = "local"
		case o.flag("vm", false):
			id = "vm"
		default:
			host := o.text("host", "")
			list = append(list, map[string]any{"compute_id": id, "host": host, "name": host,
				"port": o.number("port", 3080), "protocol": o.text("protocol", "http")})
		}
		c.computes[number] = id
	}
	return list
}

// convertLinks finds the ports of each link.
func (c *one) convertLinks(old object) []any {
	list := []any{}
	for _, o := range each(old, "links", func(o object) object { return o }) {
		number := o.text("id", "")
		from, found := c.end(o, "source")
		to, alsoFound := c.end(o, "destination")
		if c.r.err != nil {
			return nil
		}
		if !found || !alsoFound {
			c.lose("link " + number + " (" + shortened(o.text("description", "without a name")) + "): it ends at a port that is not there")
			continue
		}
		list = append(list, map[string]any{"link_id": c.id("link", number), "nodes": []any{from, to}})
	}
	return list
}

// end is one end of a link; false when there is no such port.
func (c *one) end(o object, side string) (map[string]any, bool) {
	o.need(side+"_node_id", side+"_port_id")
	number, port := o.text(side+"_node_id", ""), o.text(side+"_port_id", "")
	node := c.nodes[number] // without ports if it is not there
	at, ok := node.ports[port]
	end := map[string]any{"node_id": node.id, "adapter_number": at.adapter, "port_number": at.port}
	text := o.take(side + "_port_label")
	if text == nil {
		text = at.label
	}
	if label := convertLabel(text); label != nil {
		end["label"] = label
	}
	return end, ok
}

// move notes that a file belongs elsewhere. What is outside the folder of the
// project stays there.
func (c *one) move(from, to string) {
	if from != to && fs.ValidPath(from) {
		literal := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)
		dir, name := path.Split(from)
		c.f.Moves = append(c.f.Moves, Move{From: dir + literal.Replace(name), To: to})
	}
}

func decimal(n int) string { return strconv.Itoa(n) }
