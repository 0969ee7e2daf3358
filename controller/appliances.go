package controller

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lanyard-lab/lanyard/controller/appliances"
	"github.com/lanyard-lab/lanyard/controller/images"
)

// Appliance says how a product is run; see appliances.Appliance.
type Appliance = appliances.Appliance

// Appliances lists the appliances that work: those of the users' folder, which
// is read anew, then the built-in ones. One in the folder takes the place of a
// built-in one with its id. With a theme they have its symbols; without, only
// those that say none get one. A theme that is not known is Invalid.
func (c *Controller) Appliances(theme string) ([]Appliance, error) {
	themes := c.DefaultSymbols()
	dress, ok := themes[cmp.Or(theme, "Classic")]
	if !ok {
		return nil, Errorf(Invalid, "cannot use %q as the theme of symbols: the themes are %q", theme, slices.Sorted(maps.Keys(themes)))
	}
	all := slices.DeleteFunc(c.readAppliances(), func(a Appliance) bool { return a.Broken })
	for i, a := range all {
		all[i] = a.Dressed(dress, theme != "")
	}
	return all, nil
}

func (c *Controller) readAppliances() []Appliance {
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
	for _, a := range c.readAppliances() {
		if a.ID == id {
			return a.Dressed(c.DefaultSymbols()["Classic"], false), nil
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
	given, missing, err := a.Template(version, c.imageFinder(ctx))
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, Errorf(Conflict, "cannot install %s: these images are missing, upload them first: %s", a.Name, describe(missing))
	}
	return c.CreateTemplate(ctx, given)
}

// imageFinder finds an image by name, or any with the same checksum. That of an
// image with the right name is not compared: users have good reasons to take
// another build.
func (c *Controller) imageFinder(ctx context.Context) func(emulator, filename, md5 string) (string, bool) {
	lists := map[string][]images.Image{}
	return func(emulator, filename, md5 string) (string, bool) {
		if _, ok := c.images.Find(emulator, filename); ok {
			return filename, true
		}
		list, listed := lists[emulator]
		if !listed {
			list, _ = c.images.List(ctx, emulator) // an emulator without images has none
			lists[emulator] = list
		}
		i := slices.IndexFunc(list, func(i images.Image) bool { return md5 != "" && strings.EqualFold(i.MD5, md5) })
		if i < 0 {
			return "", false
		}
		return list[i].Path, true
	}
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
