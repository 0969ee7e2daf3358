package controller

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lanyard-lab/lanyard/controller/appliances"
)

// Appliance says how a product is run; see appliances.Appliance.
type Appliance = appliances.Appliance

// Appliances lists the appliances of the users' folder, which is read anew, and
// the built-in ones. One in the folder takes the place of a built-in one with
// its id.
func (c *Controller) Appliances() []Appliance {
	all, damaged := appliances.Read(os.DirFS(filepath.Join(c.cfg.DataDir, "appliances")), false)
	for file, err := range damaged {
		c.cfg.Log.Warn("an appliance is left out", "file", file, "err", err)
	}
	known := map[string]bool{}
	for _, a := range all {
		known[a.ID] = true
	}
	for _, a := range appliances.Builtin() {
		if !known[a.ID] {
			all = append(all, a)
		}
	}
	return all
}

// Appliance finds an appliance by id; NotFound.
func (c *Controller) Appliance(id string) (Appliance, error) {
	for _, a := range c.Appliances() {
		if a.ID == id {
			return a, nil
		}
	}
	return Appliance{}, Errorf(NotFound, "there is no appliance %s", id)
}

// InstallAppliance makes a template of an appliance, in a version by name, or
// the first that all images of are here. Missing images are a Conflict that
// says which, and where they can be had.
func (c *Controller) InstallAppliance(ctx context.Context, id, version string) (Template, error) {
	a, err := c.Appliance(id)
	if err != nil {
		return nil, err
	}
	given, missing, err := a.Template(version, c.findImage)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, Errorf(Conflict, "cannot install %s: these images are missing, upload them first: %s", a.Name, describe(missing))
	}
	return c.CreateTemplate(ctx, given)
}

// findImage finds an image by name. Its checksum is not compared: users have
// good reasons to take another build.
func (c *Controller) findImage(emulator, filename, _ string) (string, bool) {
	if _, ok := c.images.Find(emulator, filename); !ok {
		return "", false
	}
	return filename, true
}

func describe(missing []appliances.Image) string {
	words := make([]string, len(missing))
	for i, m := range missing {
		words[i] = m.Filename
		if m.MD5 != "" {
			words[i] += fmt.Sprintf(" (MD5 %s, %d bytes)", m.MD5, m.Size)
		}
		if url := cmp.Or(m.DirectURL, m.DownloadURL); url != "" {
			words[i] += " from " + url
		}
	}
	return strings.Join(words, "; ")
}
