// Package appliances reads appliances: files NAME.gns3a that say how a product
// is run, in which versions, and with which images.
package appliances

import (
	"bytes"
	"encoding/json"
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
	Broken  bool // its author says that it does not work
	// Fields are the whole of the file.
	Fields map[string]json.RawMessage

	category string
	images   []Image
	versions []version
}

// Image is a file that an appliance needs.
type Image struct {
	Filename    string `json:"filename"`
	MD5         string `json:"md5sum"` // hexadecimal; empty: not told
	Version     string `json:"version"`
	Size        int64  `json:"filesize"` // bytes
	DownloadURL string `json:"download_url"`
	DirectURL   string `json:"direct_download_url"`
	// Registry version 8 tells the checksum in these.
	Checksum     string `json:"checksum"`
	ChecksumType string `json:"checksum_type"`
}

type version struct {
	Name     string            `json:"name"`
	Images   map[string]string `json:"images"`
	IdlePC   string            `json:"idlepc"`
	Settings string            `json:"settings"` // the name of some settings; empty: the usual ones
}

// Parse reads a file. A file that says no id gets one made of its name.
func Parse(file string, data []byte) (Appliance, error) {
	bad := func(format string, args ...any) (Appliance, error) {
		return Appliance{}, fault.Errorf(fault.Conflict, "cannot read appliance %s: "+format, append([]any{file}, args...)...)
	}
	if len(data) > maxFile {
		return bad("it has %d bytes, at most %d are allowed", len(data), maxFile)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var a Appliance
	if err := json.Unmarshal(data, &a.Fields); err != nil || a.Fields == nil {
		return bad("it is no JSON object: %v", err)
	}
	var head struct {
		ID       string    `json:"appliance_id"`
		Name     string    `json:"name"`
		Category string    `json:"category"`
		Status   string    `json:"status"`
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
	a.Name, a.category, a.images, a.versions = head.Name, head.Category, head.Images, head.Versions
	for i, image := range a.images {
		if image.MD5 == "" && (image.ChecksumType == "md5" || image.ChecksumType == "") {
			a.images[i].MD5 = image.Checksum
		}
	}
	a.Broken = head.Status == "broken"
	for _, v := range append([]version{{}}, a.versions...) {
		if _, _, err := a.emulator(v.Settings); err != nil {
			return bad("%v", err)
		}
	}
	id, err := uuid.Parse(head.ID)
	if err != nil {
		id = idOf(file)
	}
	a.ID = id.String()
	return a, nil
}

// idOf is the id of an appliance whose file says none.
func idOf(file string) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceURL, []byte("appliance:"+file)) }

func categories() []string {
	return []string{"guest", "router", "multilayer_switch", "switch", "firewall"}
}

// Read reads the appliances of a folder, sorted by name. Files that cannot be
// used are left out; damaged says why, by file. One with the id of another file
// gets an id of its own.
func Read(folder fs.FS, builtin bool) (all []Appliance, damaged map[string]error) {
	damaged = map[string]error{}
	ids := map[string]bool{}
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
		if ids[a.ID] {
			a.ID = idOf(path.Base(file)).String()
		}
		ids[a.ID] = true
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
