package controller

import (
	"context"

	"github.com/lanyard-lab/lanyard/controller/images"
	"github.com/lanyard-lab/lanyard/controller/qemutools"
)

// Image is a file that an emulator can run or boot from; see images.Image.
type Image = images.Image

// Disk says what disk to make; see qemutools.Disk.
type Disk = qemutools.Disk

// Binary is a program of QEMU's; see qemutools.Binary.
type Binary = qemutools.Binary

// Images are the images that nodes on this host can use.
func (c *Controller) Images() *images.Folder { return c.images }

// QEMUBinaries lists the QEMU emulators of this host, of some machines or of
// all.
func (c *Controller) QEMUBinaries(ctx context.Context, machines []string) ([]Binary, error) {
	return c.qemu.Emulators(ctx, machines)
}

// QEMUImageTools lists the programs of this host that make disks.
func (c *Controller) QEMUImageTools(ctx context.Context) ([]Binary, error) {
	return c.qemu.ImageTools(ctx)
}

// KVM lists the machines that QEMU emulates here with hardware acceleration.
func (c *Controller) KVM() []string { return qemutools.KVM() }

// CreateDisk makes an image that is an empty disk; Conflict when there is one of
// that name, or no qemu-img on this host.
func (c *Controller) CreateDisk(ctx context.Context, name string, d Disk) error {
	return c.images.Make(ctx, "qemu", name, func(path string) error { return c.qemu.Create(ctx, path, d) })
}

// ExtendDisk makes an image that is a disk larger; NotFound.
func (c *Controller) ExtendDisk(ctx context.Context, name, program string, byMiB int64) error {
	return c.images.Change("qemu", name, func(path string) error { return c.qemu.Extend(ctx, path, program, byMiB) })
}
