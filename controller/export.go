package controller

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/lanyard-lab/lanyard/controller/archive"
	"github.com/lanyard-lab/lanyard/controller/atomicfile"
	"github.com/lanyard-lab/lanyard/controller/topology"
	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// projectEntry is the project file in an archive.
const projectEntry = "project.gns3"

// ExportSpec says what goes into the archive of a project.
type ExportSpec struct {
	Snapshots    bool
	Images       bool
	ResetMACs    bool   // nodes get new addresses where the archive is imported
	KeepComputes bool   // nodes stay on their computes
	Compression  string // as archive.ParseCompression takes it; empty is "zip"
	Level        int    // 0 for what is usual
}

// Export is the archive of a project, about to be written.
type Export struct {
	p       *Project
	what    string // is done, for messages
	file    *topology.File
	nodes   []topology.Node // as they are here
	folder  string
	stirs   int // of the project, when this began
	spec    ExportSpec
	options archive.Options
}

// Export prepares the archive of the project, open or closed. A project with a
// node that runs is refused: its disks change while they are read. Nobody has to
// wait for the archive: whoever starts or deletes a node meanwhile, or goes back
// to a snapshot, makes Write fail with a Conflict, and so does Delete.
func (p *Project) Export(ctx context.Context, s ExportSpec) (*Export, error) {
	for _, v := range p.Nodes() {
		if v.Type == "virtualbox" || v.Type == "vmware" {
			return nil, Errorf(Conflict, "cannot export project %s: %s is a %s node, whose machine is outside of the project", p.View().Name, v.Name, v.Type)
		}
	}
	return p.prepareExport(ctx, "export", s)
}

// prepareExport is Export for what stays on this server, called what.
func (p *Project) prepareExport(ctx context.Context, what string, s ExportSpec) (*Export, error) {
	method, err := archive.ParseCompression(s.Compression)
	if err != nil {
		return nil, err
	}
	x := &Export{p: p, what: what, spec: s, options: archive.Options{Compression: method, Level: s.Level}}
	// While a project opens, there is nothing in it.
	if err := p.op.lock(ctx); err != nil {
		return nil, err
	}
	defer p.op.unlock()
	p.mu.Lock()
	x.folder, x.stirs = p.rec.Path, p.stirs
	p.mu.Unlock()
	if err := x.check(); err != nil {
		return nil, err
	}
	p.writeScripts()
	x.file = p.topologyFile()
	x.nodes = x.file.Nodes
	x.file.Nodes = portable(x.nodes, s)
	if !s.KeepComputes {
		x.file.Computes = nil
	}
	return x, nil
}

// check tells why the project cannot be copied now.
func (x *Export) check() error {
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	rec := x.p.rec
	switch {
	case x.p.state == projectDeleted:
		return Errorf(NotFound, "there is no project %s", x.p.id)
	case x.p.problem != "":
		return Errorf(Conflict, "cannot %s project %s: it could not be loaded: %s", x.what, rec.Name, x.p.problem)
	case x.p.stirs != x.stirs:
		return Errorf(Conflict, "cannot %s project %s: %s meanwhile; try again", x.what, rec.Name, x.p.stirredBy)
	}
	for _, n := range x.p.order {
		if n.status != runner.Stopped && !n.rec.kind().alwaysOn {
			return Errorf(Conflict, "cannot %s project %s: %s is %s; stop all nodes first", x.what, rec.Name, n.rec.Name, n.status)
		}
		if isClone := string(n.rec.Properties["linked_clone"]); isClone == "true" && (n.rec.Type == "virtualbox" || n.rec.Type == "vmware") {
			return Errorf(Conflict, "cannot %s project %s: %s is a linked clone of a %s machine, which is outside of the project", x.what, rec.Name, n.rec.Name, n.rec.Type)
		}
	}
	return nil
}

// because is why files cannot be read: somebody may have taken them away.
func (x *Export) because(err error) error { return cmp.Or(x.check(), err) }

// Name is the project's name.
func (x *Export) Name() string { return x.file.Name }

// Write writes the archive, as a stream and in constant memory.
func (x *Export) Write(ctx context.Context, to io.Writer) error {
	w, err := archive.NewWriter(ctx, to, x.options)
	if err != nil {
		return err
	}
	return x.write(w)
}

// writeFile writes the archive, without compression, into an empty file, which
// shares its bytes with the project's files if the disk can do that.
func (x *Export) writeFile(ctx context.Context, to *os.File) error {
	w, err := archive.NewFileWriter(ctx, to)
	if err != nil {
		return err
	}
	return x.write(w)
}

func (x *Export) write(w *archive.Writer) error {
	if err := x.writeState(w); err != nil {
		return err
	}
	root, err := os.OpenRoot(x.folder)
	if err != nil {
		return x.because(Errorf(Unavailable, "cannot read the folder of project %s: %w", x.Name(), err))
	}
	defer root.Close()
	if err := w.AddFolder(root, x.skip); err != nil {
		return x.because(err)
	}
	if x.spec.Images {
		if err := x.addImages(w); err != nil {
			return err
		}
	}
	// What was started or deleted meanwhile has changed what was read.
	if err := x.check(); err != nil {
		return err
	}
	x.p.tellLeftOut(w.LeftOut())
	return w.Close()
}

// writeState writes the project file, and what GNS3 has no field for.
func (x *Export) writeState(w *archive.Writer) error {
	file, values := x.file.Apart(extensionKey)
	text, err := file.Encode()
	if err != nil {
		return err
	}
	if err := w.AddBytes(projectEntry, time.Now(), text); err != nil || values == nil {
		return err
	}
	return w.AddBytes(extensionFile, time.Now(), values)
}

// tellLeftOut warns of files that no archive can have.
func (p *Project) tellLeftOut(names []string) {
	if len(names) > 0 {
		p.c.tell(p.id, "warning", fmt.Sprintf("%d files are not in the archive, because of their names or because they cannot be read; the first is %q", len(names), names[0]))
	}
}

// skip leaves out what is not part of the lab.
func (x *Export) skip(name string) bool {
	base := path.Base(name)
	switch {
	case name == "snapshots":
		return !x.spec.Snapshots
	case name == "project-files/captures", name == "project-files/tmp", name == extensionFile, base == ".DS_Store", atomicfile.IsTemporary(base):
		return true
	case strings.HasSuffix(base, "_log.txt"), strings.HasSuffix(base, ".log"):
		return true
	case strings.Contains(name, "/"):
		return false
	}
	return ownFile(base)
}

// ownFile reports whether a file at the top of a project's folder is the
// server's, or another form of the project file.
func ownFile(base string) bool {
	return strings.HasPrefix(base, "lanyard.db") || strings.HasPrefix(base, ".lanyard-") ||
		strings.HasSuffix(base, ".gns3") || strings.Contains(base, ".gns3.backup") || strings.HasSuffix(base, ".gns3.tmp")
}

// addImages writes the images that nodes use. One that is not here is left out:
// whoever imports the project may have it.
func (x *Export) addImages(w *archive.Writer) error {
	added := map[string]bool{}
	for _, n := range x.nodes {
		folder, keys := imageKeys(n.NodeType)
		for _, key := range keys {
			var name string
			if json.Unmarshal(n.Properties[key], &name) != nil || name == "" {
				continue
			}
			entry := "images/" + folder + "/" + path.Base(name)
			if added[entry] {
				continue
			}
			added[entry] = true
			f, err := x.p.c.images.Open(n.NodeType, name)
			if err != nil { // such as the path that it had on another server
				f, err = x.p.c.images.Open(n.NodeType, path.Base(name))
			}
			if err != nil {
				continue
			}
			err = w.AddFile(entry, f)
			if err := errors.Join(err, f.Close()); err != nil {
				return err
			}
		}
	}
	return nil
}

// imageKeys are the properties of a type that name images, and the folder of an
// archive that these are in.
func imageKeys(nodeType string) (folder string, keys []string) {
	switch nodeType {
	case "qemu":
		return "QEMU", []string{"hda_disk_image", "hdb_disk_image", "hdc_disk_image", "hdd_disk_image", "cdrom_image", "bios_image", "initrd", "kernel_image"}
	case "dynamips":
		return "IOS", []string{"image"}
	case "iou":
		return "IOU", []string{"path"}
	}
	return "", nil
}

// portable are nodes as another server can use them. The nodes that are given
// stay as they are.
func portable(nodes []topology.Node, s ExportSpec) []topology.Node {
	out := make([]topology.Node, len(nodes))
	for i, n := range nodes {
		n.Properties = maps.Clone(n.Properties)
		if !s.KeepComputes {
			n.ComputeID = localCompute
			_, keys := imageKeys(n.NodeType)
			for _, key := range keys {
				var name string
				if json.Unmarshal(n.Properties[key], &name) == nil && name != "" {
					n.Properties[key] = encode(filepath.Base(name))
				}
			}
		}
		if s.ResetMACs {
			for _, key := range []string{"mac", "mac_address", "mac_addr"} {
				delete(n.Properties, key)
			}
			n.CustomAdapters = withoutMACs(n.CustomAdapters)
		}
		out[i] = n
	}
	return out
}

// withoutMACs leaves the addresses out of a list of custom adapters.
func withoutMACs(raw json.RawMessage) json.RawMessage {
	var adapters []map[string]any
	if !bytes.Contains(raw, []byte(`"mac_address"`)) || json.Unmarshal(raw, &adapters) != nil {
		return raw
	}
	for _, a := range adapters {
		delete(a, "mac_address")
	}
	return encode(adapters)
}
