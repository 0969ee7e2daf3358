package images

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

// sumSuffix ends the name of the file that has an image's checksum.
const sumSuffix = ".md5sum"

// Limits of a name, in bytes: a checksum's file must fit beside the image.
const (
	maxPart = 255 - len(sumSuffix)
	maxName = 1024
)

// Emulators are those that have images.
func Emulators() []string { return []string{"qemu", "iou", "dynamips"} }

// folderOf is the folder of an emulator's images.
func folderOf(emulator string) string {
	switch emulator {
	case "iou":
		return "IOU"
	case "dynamips":
		return "IOS"
	default:
		return "QEMU"
	}
}

// checkName checks the name of an image: a path without tricks that List would
// show.
func checkName(name string) error {
	refuse := func(code fault.Code, why string) error {
		if len(name) > 100 {
			name = name[:100] + "..."
		}
		return fault.Errorf(code, "cannot use %q as the name of an image: %s", name, why)
	}
	parts := strings.Split(name, "/")
	switch {
	case name == "":
		return refuse(fault.Invalid, "it is empty")
	case !utf8.ValidString(name):
		return refuse(fault.Invalid, "it is not valid UTF-8")
	case strings.ContainsFunc(name, unicode.IsControl):
		return refuse(fault.Invalid, "it has a control character in it")
	case len(name) > maxName || slices.ContainsFunc(parts, func(p string) bool { return len(p) > maxPart }):
		return refuse(fault.Invalid, "it is too long")
	case !filepath.IsLocal(name) || path.Clean(name) != name:
		return refuse(fault.Forbidden, "give a path below the folder of the images, without . or ..")
	case slices.ContainsFunc(parts, isHidden):
		return refuse(fault.Forbidden, "no part of it may begin with a dot or end in .md5sum or .tmp, which are left out of the list of images")
	}
	return nil
}

// isHidden reports whether a file or folder of this name is no image's.
func isHidden(part string) bool {
	lower := strings.ToLower(part)
	return strings.HasPrefix(part, ".") || strings.HasSuffix(lower, sumSuffix) || strings.HasSuffix(lower, ".tmp")
}

// isAppliance reports whether a file is the description of an appliance. GNS3's
// web client leaves one that it imports among the images of the emulator, and
// reads it from there.
func isAppliance(name string) bool { return strings.HasSuffix(strings.ToLower(name), ".gns3a") }
