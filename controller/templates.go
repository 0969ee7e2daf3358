package controller

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/lanyard-lab/lanyard/controller/store"
	"github.com/lanyard-lab/lanyard/controller/templates"
)

// kindTemplate is the kind of a template in the server's store, which is a
// templates.Template.
const kindTemplate = "template"

// Template is what nodes are made from; see templates.Template.
type Template = templates.Template

// loadTemplates reads the templates of the server's store. One that is damaged
// is left out.
func (c *Controller) loadTemplates(ctx context.Context) error {
	objects, err := c.store.All(ctx, kindTemplate)
	if err != nil {
		return fmt.Errorf("cannot read the templates: %w", err)
	}
	c.templates = map[string]Template{}
	for _, o := range objects {
		var t Template
		if err := json.Unmarshal(o.Value, &t); err != nil {
			c.cfg.Log.Error("a template is damaged", "template", o.ID, "err", err)
			continue
		}
		if t.ID() != o.ID {
			c.cfg.Log.Error("a template is damaged", "template", o.ID, "err", "it says another id")
			continue
		}
		c.templates[o.ID] = t
	}
	return nil
}

// Templates lists the users' templates by name, then the built-in ones.
func (c *Controller) Templates() []Template {
	c.mu.Lock()
	all := make([]Template, 0, len(c.templates))
	for _, t := range c.templates {
		all = append(all, t)
	}
	c.mu.Unlock()
	slices.SortFunc(all, func(a, b Template) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Text("name")), strings.ToLower(b.Text("name"))), cmp.Compare(a.ID(), b.ID()))
	})
	return append(all, templates.Builtins()...)
}

// Template finds a template by id; NotFound.
func (c *Controller) Template(id string) (Template, error) {
	c.mu.Lock()
	t, ok := c.templates[id]
	c.mu.Unlock()
	if ok {
		return t, nil
	}
	for _, t := range templates.Builtins() {
		if t.ID() == id {
			return t, nil
		}
	}
	return nil, Errorf(NotFound, "there is no template %s", id)
}

// CreateTemplate makes a template of what a client gives. An id that is taken
// is a Conflict. Its compute need not be known, such as GNS3's virtual machine,
// which comes and goes: whoever uses the template is told.
func (c *Controller) CreateTemplate(ctx context.Context, given Template) (Template, error) {
	id, err := newID("template", given.ID())
	if err != nil {
		return nil, err
	}
	t, err := templates.New(id, given)
	if err != nil {
		return nil, err
	}
	if err := c.templating.lock(ctx); err != nil {
		return nil, err
	}
	defer c.templating.unlock()
	if _, err := c.Template(id); err == nil {
		return nil, Errorf(Conflict, "cannot make template %s: there is one with this id", id)
	}
	return t, c.keepTemplate(ctx, t, "template.created")
}

// UpdateTemplate changes a template, which must not be a built-in one.
func (c *Controller) UpdateTemplate(ctx context.Context, id string, given Template) (Template, error) {
	return c.changeTemplate(ctx, id, "change", func(was Template) (Template, error) {
		now, err := was.Changed(given)
		if err != nil {
			return nil, err
		}
		if string(encode(now)) == string(encode(was)) {
			return now, nil
		}
		return now, c.keepTemplate(ctx, now, "template.updated")
	})
}

// DuplicateTemplate makes a template like another one, with the same name.
func (c *Controller) DuplicateTemplate(ctx context.Context, id string) (Template, error) {
	return c.changeTemplate(ctx, id, "duplicate", func(was Template) (Template, error) {
		now := was.Copy(uuid.NewString())
		return now, c.keepTemplate(ctx, now, "template.created")
	})
}

// DeleteTemplate removes a template, which must not be a built-in one. Nodes
// that were made from it stay.
func (c *Controller) DeleteTemplate(ctx context.Context, id string) error {
	_, err := c.changeTemplate(ctx, id, "delete", func(was Template) (Template, error) {
		if err := c.commit(ctx, store.Change{Kind: kindTemplate, ID: id}); err != nil {
			return nil, err
		}
		c.mu.Lock()
		delete(c.templates, id)
		c.mu.Unlock()
		c.bus.Publish("", "template.deleted", was)
		return nil, nil
	})
	return err
}

// changeTemplate runs do with a template that may be changed, one at a time.
func (c *Controller) changeTemplate(ctx context.Context, id, what string, do func(Template) (Template, error)) (Template, error) {
	if err := c.templating.lock(ctx); err != nil {
		return nil, err
	}
	defer c.templating.unlock()
	t, err := c.Template(id)
	if err != nil {
		return nil, err
	}
	if t.Builtin() {
		return nil, Errorf(Conflict, "cannot %s template %s: it is built in; make one of your own", what, t.Text("name"))
	}
	return do(t)
}

// keepTemplate stores a template and tells of it; templating held.
func (c *Controller) keepTemplate(ctx context.Context, t Template, action string) error {
	if err := c.commit(ctx, store.Change{Kind: kindTemplate, ID: t.ID(), Value: encode(t)}); err != nil {
		return err
	}
	c.mu.Lock()
	c.templates[t.ID()] = t
	c.mu.Unlock()
	c.bus.Publish("", action, t)
	return nil
}

// TemplateUse says where a node made from a template goes.
type TemplateUse struct {
	X, Y    int
	Name    string // empty: as the template says
	Compute string // for built-in templates, which have none; empty: this server
}

// CreateFromTemplate makes a node from a template.
func (p *Project) CreateFromTemplate(ctx context.Context, template string, use TemplateUse) (*Node, error) {
	t, err := p.c.Template(template)
	if err != nil {
		return nil, err
	}
	from, id := t.Node(), t.ID()
	compute := cmp.Or(t.Text("compute_id"), use.Compute, localCompute)
	s := NodeSpec{
		Name: cmp.Or(use.Name, from.Name), Type: from.Type, ConsoleType: from.ConsoleType, Properties: from.Properties, Adapt: true,
		Look: LookPatch{
			X: &use.X, Y: &use.Y, Symbol: &from.Symbol, ConsoleAutoStart: &from.ConsoleAutoStart, FirstPortName: &from.FirstPortName,
			PortNameFormat: &from.PortNameFormat, PortSegmentSize: &from.PortSegmentSize, TemplateID: &id, ComputeID: &compute,
		},
	}
	if len(from.CustomAdapters) > 0 {
		s.Look.CustomAdapters = &from.CustomAdapters
	}
	if from.Script != "" && from.Type == "vpcs" {
		script, err := p.c.baseConfig(from.Script)
		if err != nil {
			return nil, err
		}
		s.StartupScript = &script
	}
	return p.CreateNode(ctx, s)
}

// The startup script of the built-in PC template, which need not be there.
const (
	usualConfig = "vpcs_base_config.txt"
	usualScript = "set pcname %h\n"
)

// maxBaseConfig is the size in bytes of the longest file that a startup script
// can come from; clients send scripts no longer than that either.
const maxBaseConfig = 256 << 10

// baseConfig reads a file that startup scripts come from, from the folder of
// them even if the template names another, as those of other hosts do. One that
// is not there gives an empty script, but for the usual one.
func (c *Controller) baseConfig(name string) (string, error) {
	name = path.Base(name)
	if err := checkFileName(name); err != nil {
		return "", err
	}
	folder, err := os.OpenRoot(c.cfg.DataDir)
	if err != nil {
		return "", Errorf(Unavailable, "cannot open the data folder: %w", err)
	}
	defer folder.Close()
	name = "configs/" + name
	info, err := folder.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && path.Base(name) == usualConfig:
		return usualScript, nil
	case errors.Is(err, fs.ErrNotExist):
		c.cfg.Log.Warn("a template's startup script is missing", "file", name)
		return "", nil
	case err == nil && !info.Mode().IsRegular():
		return "", Errorf(Conflict, "cannot use the startup script %s of the template: it is no file", name)
	case err == nil && info.Size() > maxBaseConfig:
		return "", Errorf(Conflict, "cannot use the startup script %s of the template: it has %d bytes, at most %d are allowed", name, info.Size(), maxBaseConfig)
	}
	text, err := folder.ReadFile(name)
	if err != nil {
		return "", Errorf(Conflict, "cannot read the startup script %s of the template: %w", name, err)
	}
	return string(text), nil
}
