package controller

import (
	"context"
	"os"

	"github.com/google/uuid"

	"github.com/lanyard-lab/lanyard/controller/clone"
)

// Duplicate makes a closed project with the same contents, under other ids and,
// if the name is taken, with a number. Its files share their bytes with the
// originals where the disk can do that. An empty name is that of the project. A
// project with a node that runs is refused.
func (p *Project) Duplicate(ctx context.Context, name, path string, resetMACs bool) (*Project, error) {
	if name == "" {
		name = p.View().Name
	}
	if err := checkName("project", name); err != nil {
		return nil, err
	}
	id := uuid.NewString()
	path, err := p.c.projectFolder(id, path)
	if err != nil {
		return nil, err
	}
	x, err := p.prepareExport(ctx, "duplicate", ExportSpec{ResetMACs: resetMACs, KeepComputes: true})
	if err != nil {
		return nil, err
	}
	beside, done, err := p.c.beside(path)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := x.cloneInto(ctx, beside); err != nil {
		return nil, err
	}
	return p.c.settle(ctx, id, name, path, beside, x.file)
}

// cloneInto copies the files of the project into a folder and gives its objects
// new ids.
func (x *Export) cloneInto(ctx context.Context, folder string) error {
	from, err := x.p.folder()
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenRoot(folder)
	if err != nil {
		return Errorf(Unavailable, "cannot open the folder of the copy: %w", err)
	}
	defer to.Close()
	if _, err := clone.Folder(ctx, from, to, x.skip); err != nil {
		return x.because(err)
	}
	// What was started or deleted meanwhile has changed what was read.
	if err := x.check(); err != nil {
		return err
	}
	return renewIDs(to, x.file)
}
