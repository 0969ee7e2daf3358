// Package appliances reads appliances: files NAME.gns3a that say how a product
// is run, in which versions, and with which images.
package appliances

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

const (
	maxFile  = 4 << 20 // bytes
	maxFiles = 10000
)

// Appliance is one file. Its Fields are never changed.
type Appliance struct {
	ID      string
	Name    string
	Builtin bool
	// Fields are the whole of the file.
	Fields map[string]json.RawMessage

	category string
	images   []Image
	versions []version
}

// Image is a file that an appliance needs.
type Image struct {
	Filename    string `json:"filename"`
	MD5         string `json:"md5sum"`
	Version     string `json:"version"`
	Size        int64  `json:"filesize"` // bytes
	DownloadURL string `json:"download_url"`
	DirectURL   string `json:"direct_download_url"`
}

type version struct {
	Name     string                     `json:"name"`
	Images   map[string]string          `json:"images"`
	IdlePC   string                     `json:"idlepc"`
	Settings string                     `json:"settings"`
	Extra    map[string]json.RawMessage `json:"-"`
}

// Parse reads a file. A file that says no id gets one made of its name.
func Parse(file string, data []byte) (Appliance, error) {
	bad := func(format string, args ...any) (Appliance, error) {
		return Appliance{}, fault.Errorf(fault.Conflict, "cannot read appliance "+file+": "+format, args...)
	}
	if len(data) > maxFile {
		return bad("it has %d bytes, at most %d are allowed", len(data), maxFile)
	}
	var a Appliance
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &a.Fields); err != nil || a.Fields == nil {
		return bad("it is no JSON object: %v", err)
	}
	var head struct {
		ID       string    `json:"appliance_id"`
		Name     string    `json:"name"`
		Category string    `json:"category"`
		Registry int       `json:"registry_version"`
		Images   []Image   `json:"images"`
		Versions []version `json:"versions"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return bad("%v", err)
	}
	switch {
	case strings.TrimSpace(head.Name) == "":
		return bad(`it has no "name"`)
	case !slices.Contains(categories(), head.Category):
		return bad(`its "category" is %q, and the categories are %q`, head.Category, categories())
	case head.Registry < 1 || head.Registry > 8:
		return bad(`its "registry_version" is %d; those up to 8 are known`, head.Registry)
	}
	if _, _, err := a.emulator(); err != nil {
		return bad("%v", err)
	}
	a.Name, a.category, a.images, a.versions = head.Name, head.Category, head.Images, head.Versions
	id, err := uuid.Parse(head.ID)
	if err != nil {
		id = uuid.NewSHA1(uuid.NameSpaceURL, []byte("appliance:"+file))
	}
	a.ID = id.String()
	return a, nil
}

func categories() []string {
	return []string{"guest", "router", "multilayer_switch", "switch", "firewall"}
}

// emulator is the type of node that the appliance makes, and what is said about
// it.
func (a Appliance) emulator() (string, map[string]json.RawMessage, error) {
	for _, name := range []string{"qemu", "docker", "iou", "dynamips"} {
		if raw, ok := a.Fields[name]; ok {
			var settings map[string]json.RawMessage
			if json.Unmarshal(raw, &settings) != nil || settings == nil {
				return "", nil, fault.Errorf(fault.Conflict, "its %q is no object", name)
			}
			return name, settings, nil
		}
	}
	return a.newerEmulator()
}

// newerEmulator is that of registry version 8, which has a list of settings.
func (a Appliance) newerEmulator() (string, map[string]json.RawMessage, error) {
	var all []struct {
		Default    bool                       `json:"default"`
		Type       string                     `json:"template_type"`
		Properties map[string]json.RawMessage `json:"template_properties"`
	}
	if json.Unmarshal(a.Fields["settings"], &all) != nil || len(all) == 0 {
		return "", nil, errors.New(`it has none of "qemu", "docker", "iou" and "dynamips"`)
	}
	chosen := all[0]
	for _, one := range all {
		if one.Default {
			chosen = one
		}
	}
	if chosen.Type == "" || chosen.Properties == nil {
		return "", nil, errors.New(`its "settings" have no "template_type" or no "template_properties"`)
	}
	return chosen.Type, chosen.Properties, nil
}

// MarshalJSON gives the file's fields, its id, and whether it is built in.
func (a Appliance) MarshalJSON() ([]byte, error) {
	out := map[string]json.RawMessage{}
	for key, value := range a.Fields {
		out[key] = value
	}
	id, _ := json.Marshal(a.ID) // a text
	out["appliance_id"] = id
	out["builtin"] = json.RawMessage("false")
	if a.Builtin {
		out["builtin"] = json.RawMessage("true")
	}
	return json.Marshal(out)
}

// Read reads the appliances of a folder, sorted by name. Files that cannot be
// used are left out; damaged says why, by file.
func Read(folder fs.FS, builtin bool) (all []Appliance, damaged map[string]error) {
	damaged = map[string]error{}
	files, _ := fs.Glob(folder, "*.gns3a") // the pattern is fine, and no folder has no files
	if len(files) > maxFiles {
		files = files[:maxFiles]
	}
	for _, file := range files {
		data, err := read(folder, file)
		var a Appliance
		if err == nil {
			a, err = Parse(path.Base(file), data)
		}
		if err != nil {
			damaged[file] = err
			continue
		}
		a.Builtin = builtin
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b Appliance) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return all, damaged
}

func read(folder fs.FS, file string) ([]byte, error) {
	info, err := fs.Stat(folder, file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fault.Errorf(fault.Conflict, "cannot read appliance %s: it is no file, or has more than %d bytes", file, maxFile)
	}
	return fs.ReadFile(folder, file)
}
