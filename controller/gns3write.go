package controller

import (
	"encoding/json"
	"maps"
	"os"

	"github.com/lanyard-lab/lanyard/controller/atomicfile"
	"github.com/lanyard-lab/lanyard/controller/picture"
	"github.com/lanyard-lab/lanyard/controller/topology"
)

// written is a project file as it is written.
type written struct {
	text      []byte
	extension json.RawMessage   // what GNS3 has no field for; nil for nothing
	pictures  map[string][]byte // of drawings, by name
}

// saveInto writes a project file and a note of what it is.
func saveInto(path string, note savedNote, f *topology.File) error {
	return composeInto(path, f, func(folder *os.Root, w written) error {
		if err := writeSaved(folder, note, w); err != nil {
			return err
		}
		return w.into(folder, note.File)
	})
}

// writeProjectFile writes a project file, and the pictures of its drawings
// into files of their own, as GNS3 does. What GNS3 has no field for is in a file
// of its own, too.
func writeProjectFile(path, name string, f *topology.File) error {
	return composeInto(path, f, func(folder *os.Root, w written) error { return w.into(folder, name) })
}

// composeInto hands what is written of a project file to write, with the
// project's folder.
func composeInto(path string, f *topology.File, write func(*os.Root, written) error) error {
	w, err := compose(f)
	if err != nil {
		return err
	}
	folder, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return write(folder, w)
}

// compose makes what is written of a project file. The drawings of f name the
// files of their pictures from then on.
func compose(f *topology.File) (w written, err error) {
	f, w.extension = f.Apart(extensionKey)
	w.pictures = map[string][]byte{}
	for i := range f.Drawings {
		stored, files := picture.Split(f.Drawings[i].SVG)
		f.Drawings[i].SVG = stored
		maps.Copy(w.pictures, files)
	}
	w.text, err = f.Encode()
	return w, err
}

// into writes the files into the folder of a project.
func (w written) into(folder *os.Root, name string) error {
	if err := writeExtension(folder, w.extension); err != nil {
		return err
	}
	for image, data := range w.pictures {
		at := imageFile(image)
		if _, err := folder.Stat(at); err == nil {
			continue // named after what is in it
		}
		if err := writeFile(folder, at, data); err != nil {
			return err
		}
	}
	return writeFile(folder, name, w.text)
}

// imageFile is where the picture of a drawing is, below the project's folder.
func imageFile(name string) string { return "project-files/images/" + name }

func writeFile(folder *os.Root, name string, data []byte) error {
	f, err := atomicfile.Create(folder, name)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit(0o644)
}
