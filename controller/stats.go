package controller

import (
	"os"
	"path/filepath"
)

// ProjectStats tells how much there is in a project.
type ProjectStats struct {
	Nodes, Links, Drawings, Snapshots int
}

// Stats counts what is in the project.
func (p *Project) Stats() ProjectStats {
	p.mu.Lock()
	s := ProjectStats{Nodes: len(p.nodes), Links: len(p.links), Drawings: len(p.drawings)}
	folder := filepath.Join(p.rec.Path, "snapshots")
	p.mu.Unlock()
	entries, _ := os.ReadDir(folder) // no folder: no snapshots
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".gns3snapshot", ".gns3project":
			s.Snapshots++
		}
	}
	return s
}
