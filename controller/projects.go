package controller

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"
)

func (c *Controller) all() []*Project {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*Project, 0, len(c.projects))
	for _, p := range c.projects {
		all = append(all, p)
	}
	return all
}

// Projects lists all projects, by name then id.
func (c *Controller) Projects() []ProjectView {
	views := []ProjectView{}
	for _, p := range c.all() {
		views = append(views, p.View())
	}
	slices.SortFunc(views, func(a, b ProjectView) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return views
}

// Project finds a project by id; NotFound. Right after a start of the server
// it waits for the project's runner to be adopted, so that states are true.
func (c *Controller) Project(id string) (*Project, error) {
	p := c.known(id)
	if p == nil {
		return nil, Errorf(NotFound, "there is no project %s", id)
	}
	select {
	case <-p.reconciled:
	default:
		limit := time.NewTimer(adoptionWait)
		defer limit.Stop()
		select {
		case <-p.reconciled:
		case <-limit.C:
		}
	}
	return p, nil
}

// known is the project with an id; nil when there is none.
func (c *Controller) known(id string) *Project {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.projects[id]
}

// CreateProject makes and opens a project. A known ID opens that project.
func (c *Controller) CreateProject(ctx context.Context, s ProjectSpec) (*Project, error) {
	if err := checkName("project", s.Name); err != nil {
		return nil, err
	}
	if err := s.Scene.check(); err != nil {
		return nil, err
	}
	id, err := newID("project", s.ID)
	if err != nil {
		return nil, err
	}
	var done func()
	for {
		var err error
		if done, err = c.arrival(ctx, id, s.Name, cmp.Or(s.Path, c.ownFolder(id))); err != nil {
			return nil, err
		}
		known := c.known(id)
		if known == nil {
			break
		}
		done() // whoever deletes a project has its op, and waits for this
		if err := known.Open(ctx); c.known(id) == known || err == nil {
			return known, err
		} // else it was being deleted
	}
	defer done()
	if err := c.goesOn(); err != nil {
		return nil, err
	}
	if other := c.named(s.Name); other != nil && s.Unique {
		return nil, Errorf(Conflict, "cannot make project %s: project %s has that name; choose another", s.Name, other.id)
	}
	rec := projectRecord{ID: id, Name: s.Name, Path: s.Path, Temporary: s.Temporary, Open: true}.patched(s.Scene)
	if rec.Path, err = c.projectFolder(id, s.Path); err != nil {
		return nil, err
	}
	p := newProject(c, rec)
	close(p.reconciled)
	p.state, p.changed = projectOpen, !rec.Temporary
	if err := p.create(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.projects[id] = p
	c.mu.Unlock()
	c.bus.Publish(id, "project.created", p.View())
	return p, nil
}

// arrival has a project come or go, beside others: not beside one of the same id
// or name, and one in a folder of the client's choice only alone, as folders may
// lie in each other and have several paths.
func (c *Controller) arrival(ctx context.Context, id, name, path string) (done func(), err error) {
	if path != c.ownFolder(id) {
		return c.creating.lock(ctx)
	}
	return c.creating.enter(ctx, "id "+id, "name "+name)
}

// ownFolder is the folder of a project for which the client chose none.
func (c *Controller) ownFolder(id string) string {
	return filepath.Join(c.cfg.DataDir, "projects", id)
}

// named finds a project by name; nil when there is none.
func (c *Controller) named(name string) *Project {
	for _, p := range c.all() {
		if p.View().Name == name {
			return p
		}
	}
	return nil
}

// projectFolder is where a new project goes. A folder of the client's choice
// must be new or empty, so that nothing of somebody else is ever overwritten
// or, later, deleted.
func (c *Controller) projectFolder(id, path string) (string, error) {
	if path == "" {
		return c.ownFolder(id), nil
	}
	if !filepath.IsAbs(path) || filepath.Clean(path) != path {
		return "", Errorf(Invalid, "cannot use %q as the folder of a project: give an absolute path without . or ..", path)
	}
	for _, p := range c.all() {
		if p.View().Path == path {
			return "", Errorf(Conflict, "cannot use the folder %s: it belongs to project %s", path, p.id)
		}
	}
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", Errorf(Forbidden, "cannot use the folder %s: %v", path, err)
	}
	if len(entries) > 0 {
		return "", Errorf(Forbidden, "cannot use the folder %s: it is not empty", path)
	}
	return path, nil
}
