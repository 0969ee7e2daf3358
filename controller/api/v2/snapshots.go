package v2

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// snapshot is a snapshot on the wire.
type snapshot struct {
	CreatedAt   int64  `json:"created_at"` // seconds since 1970
	Description string `json:"description"`
	Filename    string `json:"filename"`
	Name        string `json:"name"`
	ProjectID   string `json:"project_id"`
	SnapshotID  string `json:"snapshot_id"`
}

func snapshotOf(s controller.Snapshot) snapshot {
	return snapshot{
		CreatedAt: s.CreatedAt.Unix(), Filename: s.File, Name: s.Name, ProjectID: s.ProjectID, SnapshotID: s.ID,
		Description: fmt.Sprintf("Snapshot '%s' taken on %s", s.Name, s.CreatedAt.Format("2006-01-02 at 15:04:05")),
	}
}

type snapshotCreate struct {
	Name string `json:"name"`
}

// Check checks the values.
func (s *snapshotCreate) Check() error { return route.Name("name", s.Name) }

func (h *handler) snapshotRows() []route.Row {
	const all, one = "/v2/projects/:project_id/snapshots", "/v2/projects/:project_id/snapshots/:snapshot_id"
	return []route.Row{
		route.Get(all, route.SnapshotAudit, []snapshot{}, h.snapshots).Says("lists snapshots, oldest first"),
		{Method: http.MethodPost, Path: all, Privilege: route.SnapshotAllocate, Request: snapshotCreate{}, Response: snapshot{},
			Status: http.StatusCreated, Doc: "takes a snapshot; all nodes must be stopped", Handler: h.createSnapshot},
		route.Delete(one, route.SnapshotAllocate, h.deleteSnapshot).Says("deletes a snapshot"),
		{Method: http.MethodPost, Path: one + "/restore", Privilege: route.SnapshotRestore, Response: project{},
			Status: http.StatusCreated, Doc: "takes the project back to a snapshot; its nodes are stopped first", Handler: h.restoreSnapshot},
	}
}

func (h *handler) snapshots(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	all, err := p.Snapshots()
	if err != nil {
		return err
	}
	return route.List(c, all, snapshotOf)
}

func (h *handler) createSnapshot(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	request, err := route.Decode[snapshotCreate](c)
	if err != nil {
		return err
	}
	s, err := p.CreateSnapshot(c.Request.Context(), request.Name)
	if err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, snapshotOf(s))
}

func (h *handler) deleteSnapshot(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	if err := p.DeleteSnapshot(c.Request.Context(), c.Param("snapshot_id")); err != nil {
		return err
	}
	return route.NoContent(c)
}

func (h *handler) restoreSnapshot(c *gin.Context) error {
	p, err := route.Project(c, h.ctl)
	if err != nil {
		return err
	}
	if err := p.RestoreSnapshot(c.Request.Context(), c.Param("snapshot_id")); err != nil {
		return err
	}
	return route.JSON(c, http.StatusCreated, projectOf(p.View()))
}
