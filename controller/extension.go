package controller

import (
	"bytes"
	"encoding/json"
	"os"

	"github.com/lanyard-lab/lanyard/controller/archive"
	"github.com/lanyard-lab/lanyard/controller/topology"
)

// extensionFile holds what GNS3 has no field for, beside the project file and in
// archives: GNS3 takes no project file with a field that it does not know, and
// leaves other files alone. In memory it is the field extensionKey of objects.
const extensionFile = "project-files/lanyard.json"

// writeExtension writes the file, or removes it when there is nothing to say.
func writeExtension(folder *os.Root, values json.RawMessage) error {
	switch {
	case values == nil && !exists(folder, extensionFile):
		return nil
	case values == nil:
		return folder.Remove(extensionFile)
	case bytes.Equal(readExtension(folder), values):
		return nil
	}
	return writeFile(folder, extensionFile, values)
}

// readExtension is the file in the folder of a project; nil for none.
func readExtension(folder *os.Root) []byte {
	info, err := folder.Stat(extensionFile)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxProjectFile {
		return nil
	}
	text, err := folder.ReadFile(extensionFile)
	if err != nil {
		return nil
	}
	return text
}

// joinExtension completes a project file that was read from a folder.
func joinExtension(folder string, f *topology.File) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return
	}
	defer root.Close()
	f.Join(extensionKey, readExtension(root))
}

// joinArchived completes a project file that was read from an archive.
func joinArchived(from *archive.Reader, f *topology.File) {
	if text, err := from.ReadEntry(extensionFile, maxProjectFile); err == nil {
		f.Join(extensionKey, text)
	}
}
