package controller

import (
	"context"
	"errors"
	"os"
	"path/filepath"
)

// addedImage is an image that came with an archive.
type addedImage struct{ emulator, name string }

// takeImages moves the images of an archive to those of the server, unless it
// has one of that name. It tells which it has added, also when it fails.
func (c *Controller) takeImages(ctx context.Context, root *os.Root) (added []addedImage, err error) {
	for emulator, folder := range map[string]string{"qemu": "images/QEMU", "dynamips": "images/IOS", "iou": "images/IOU"} {
		entries, err := os.ReadDir(filepath.Join(root.Name(), folder))
		if err != nil {
			continue // none of this kind
		}
		for _, e := range entries {
			if _, here := c.images.Find(emulator, e.Name()); here || !e.Type().IsRegular() {
				continue
			}
			f, err := root.Open(folder + "/" + e.Name())
			if err != nil {
				return added, Errorf(Unavailable, "cannot read image %s of the archive: %w", e.Name(), err)
			}
			_, err = c.images.Put(ctx, emulator, e.Name(), f)
			f.Close()
			if err != nil {
				return added, err
			}
			added = append(added, addedImage{emulator, e.Name()})
		}
	}
	if err := root.RemoveAll("images"); err != nil {
		return added, Errorf(Unavailable, "cannot remove the images of the archive: %w", err)
	}
	return added, nil
}

// dropImages removes the images of an import that failed.
func (c *Controller) dropImages(added []addedImage) {
	for _, image := range added {
		err := c.images.Delete(c.ctx, image.emulator, image.name)
		if e, ok := errors.AsType[*Error](err); err != nil && (!ok || e.Code != NotFound) {
			c.cfg.Log.Warn("image of a refused archive stays", "image", image.name, "err", err)
		}
	}
}
