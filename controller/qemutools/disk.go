package qemutools

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// diskLimit is how long qemu-img may take: it may have to write a whole disk.
const diskLimit = 10 * time.Minute

// The largest disk, in MiB, and the largest number in an option.
const (
	maxDiskMiB = 64 << 20 // 64 TiB
	maxOption  = 2 << 20
)

// Disk says what disk to make. Options are qemu-img's own, by name.
type Disk struct {
	Program string // qemu-img's path or name; empty for that in PATH
	Format  string
	SizeMiB int64
	Options map[string]string
}

// options are the options of each format, with the values that are allowed; nil
// stands for a number.
func options() map[string]map[string][]string {
	onOff := []string{"on", "off"}
	return map[string]map[string][]string{
		"raw":  {},
		"qcow": {},
		"qcow2": {
			"preallocation": {"off", "metadata", "falloc", "full"},
			"cluster_size":  nil, "refcount_bits": nil, "lazy_refcounts": onOff,
		},
		"vdi": {"static": onOff},
		"vpc": {"subformat": {"dynamic", "fixed"}},
		"vmdk": {
			"adapter_type": {"ide", "lsilogic", "buslogic", "legacyESX"},
			"subformat":    {"monolithicSparse", "streamOptimized"}, // others make more than one file
			"zeroed_grain": onOff,
		},
	}
}

// arguments checks a disk and returns what qemu-img is told; Conflict, because
// clients take that for a message to their users.
func (d Disk) arguments(path string) ([]string, error) {
	switch d.Format {
	case "vhd":
		d.Format = "vpc" // qemu-img's word
	case "vdmk":
		d.Format = "vmdk" // as GNS3 spells it
	}
	formats := options()
	allowed, ok := formats[d.Format]
	if !ok {
		return nil, fault.Errorf(fault.Conflict, "cannot make a disk of format %q: the formats are %q", d.Format, slices.Sorted(maps.Keys(formats)))
	}
	if d.SizeMiB < 1 || d.SizeMiB > maxDiskMiB {
		return nil, fault.Errorf(fault.Conflict, "cannot make a disk of %d MiB: give 1 to %d", d.SizeMiB, int64(maxDiskMiB))
	}
	args := []string{"create", "-q", "-f", d.Format}
	for _, name := range slices.Sorted(maps.Keys(d.Options)) {
		values, ok := allowed[name]
		value := d.Options[name]
		switch {
		case !ok:
			return nil, fault.Errorf(fault.Conflict, "cannot make a disk of format %s with option %q: its options are %q", d.Format, name, slices.Sorted(maps.Keys(allowed)))
		case values == nil && !isNumber(value):
			return nil, fault.Errorf(fault.Conflict, "cannot make a disk with %s=%q: give a number from 1 to %d", name, value, maxOption)
		case values != nil && !slices.Contains(values, value):
			return nil, fault.Errorf(fault.Conflict, "cannot make a disk with %s=%q: give one of %q", name, value, values)
		}
		args = append(args, "-o", name+"="+value)
	}
	return append(args, "--", path, fmt.Sprintf("%dM", d.SizeMiB)), nil
}

func isNumber(text string) bool {
	var n int64
	_, err := fmt.Sscanf(text, "%d", &n)
	return err == nil && fmt.Sprint(n) == text && n >= 1 && n <= maxOption
}

// Create makes a disk in the file path, which is overwritten. Conflict when
// qemu-img is missing or fails, with its own words.
func (t *Tools) Create(ctx context.Context, path string, d Disk) error {
	args, err := d.arguments(path)
	if err != nil {
		return err
	}
	return t.image(ctx, d.Program, "make the disk", args)
}

// Extend makes the disk in the file path larger.
func (t *Tools) Extend(ctx context.Context, path, program string, byMiB int64) error {
	if byMiB < 1 || byMiB > maxDiskMiB {
		return fault.Errorf(fault.Conflict, "cannot make a disk %d MiB larger: give 1 to %d", byMiB, int64(maxDiskMiB))
	}
	return t.image(ctx, program, "make the disk larger", []string{"resize", "-q", "--", path, fmt.Sprintf("+%dM", byMiB)})
}

// image runs qemu-img.
func (t *Tools) image(ctx context.Context, program, what string, args []string) error {
	path, err := t.imageTool(ctx, program)
	if err != nil {
		return err
	}
	out, err := run(ctx, diskLimit, path, args...)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		return nil
	}
	said := strings.TrimSpace(out)
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || said == "" {
		said = err.Error()
	}
	return fault.Errorf(fault.Conflict, "cannot %s: qemu-img says: %s", what, said)
}

// imageTool finds the qemu-img that a client asks for: it may choose among
// those in PATH, and run nothing else.
func (t *Tools) imageTool(ctx context.Context, program string) (string, error) {
	tools, err := t.ImageTools(ctx)
	if err != nil {
		return "", err
	}
	if len(tools) == 0 {
		return "", fault.Errorf(fault.Conflict, "cannot make or change a disk: qemu-img is not installed on this host; install QEMU's tools or upload a disk")
	}
	if program == "" || program == "qemu-img" {
		return tools[0].Path, nil
	}
	for _, tool := range tools {
		if tool.Path == filepath.Clean(program) {
			return tool.Path, nil
		}
	}
	return "", fault.Errorf(fault.Forbidden, "cannot run %q: give one of the programs that /v2/compute/qemu/img-binaries lists", program)
}
