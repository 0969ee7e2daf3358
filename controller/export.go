package controller

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
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
	file    *topology.File
	folder  string
	spec    ExportSpec
	options archive.Options
}

// Export prepares the archive of the project, open or closed. A project with a
// node that runs is refused: its disks change while they are read.
func (p *Project) Export(s ExportSpec) (*Export, error) {
	method, err := archive.ParseCompression(s.Compression)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	folder, problem := p.rec.Path, p.problem
	var refused error
	for _, n := range p.order {
		switch {
		case n.status != runner.Stopped && !n.rec.kind().alwaysOn:
			refused = Errorf(Conflict, "cannot export project %s: %s is %s; stop all nodes first", p.rec.Name, n.rec.Name, n.status)
		case n.rec.Type == "virtualbox" || n.rec.Type == "vmware":
			refused = Errorf(Conflict, "cannot export project %s: %s is a %s node, whose machine is outside of the project", p.rec.Name, n.rec.Name, n.rec.Type)
		}
	}
	p.mu.Unlock()
	if problem != "" {
		refused = Errorf(Conflict, "cannot export project %s: it could not be loaded: %s", p.id, problem)
	}
	if refused != nil {
		return nil, refused
	}
	p.writeScripts()
	f := p.topologyFile()
	f.Nodes = portable(f.Nodes, s)
	if !s.KeepComputes {
		f.Computes = nil
	}
	return &Export{p: p, file: f, folder: folder, spec: s, options: archive.Options{Compression: method, Level: s.Level}}, nil
}

// Name is the project's name.
func (x *Export) Name() string { return x.file.Name }

// Write writes the archive, as a stream and in constant memory.
func (x *Export) Write(ctx context.Context, to io.Writer) error {
	w, err := archive.NewWriter(ctx, to, x.options)
	if err != nil {
		return err
	}
	text, err := x.file.Encode()
	if err != nil {
		return err
	}
	if err := w.AddBytes(projectEntry, time.Now(), text); err != nil {
		return err
	}
	root, err := os.OpenRoot(x.folder)
	if err != nil {
		return Errorf(Unavailable, "cannot read the folder of project %s: %w", x.Name(), err)
	}
	defer root.Close()
	if err := w.AddFolder(root, x.skip); err != nil {
		return err
	}
	if x.spec.Images {
		if err := x.addImages(w); err != nil {
			return err
		}
	}
	x.p.mu.Lock()
	deleted := x.p.state == projectDeleted
	x.p.mu.Unlock()
	if deleted {
		return Errorf(Conflict, "cannot export project %s: it was deleted meanwhile", x.Name())
	}
	return w.Close()
}

// skip leaves out what is not part of the lab.
func (x *Export) skip(name string) bool {
	base := path.Base(name)
	switch {
	case name == "snapshots":
		return !x.spec.Snapshots
	case name == "project-files/captures", name == "project-files/tmp", base == ".DS_Store", atomicfile.IsTemporary(base):
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
	for _, n := range x.file.Nodes {
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
			f, err := x.p.c.images.Open(n.NodeType, path.Base(name))
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

// isMissing reports whether err says that a file is not there.
func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
