package appliances

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/lanyard-lab/lanyard/controller/fault"
	"github.com/lanyard-lab/lanyard/controller/templates"
)

// Template is what a client would send to make a template of the appliance, in
// the version of that name; an empty one is the first whose images are all
// here, or the first of all. have says under which path an emulator has an image,
// which may be of any name if it has the MD5 checksum. When images are missing,
// they are returned, and no template.
func (a Appliance) Template(versionName string, have func(emulator, filename, md5 string) (path string, ok bool)) (templates.Template, []Image, error) {
	chosen, missing, err := a.choose(versionName, have)
	if err != nil || len(missing) > 0 {
		return nil, missing, err
	}
	kind, settings, err := a.emulator(chosen.Settings)
	if err != nil {
		return nil, nil, err
	}
	t := templates.Template{
		"template_type": encode(kind), "name": encode(a.Name), "category": encode(a.category), "compute_id": encode("local"),
	}
	for _, key := range []string{"symbol", "first_port_name", "port_name_format", "port_segment_size", "linked_clone", "usage"} {
		if value, ok := a.Fields[key]; ok {
			t[key] = value
		}
	}
	for key, value := range settings {
		if name, ok := fieldOf(key); ok {
			t[name] = value
		}
	}
	t["category"] = encode(templateCategory(t.Text("category")))
	platform(kind, settings, t)
	if chosen.Name != "" {
		t["name"] = encode(a.Name + " " + chosen.Name)
	}
	for _, drive := range slices.Sorted(maps.Keys(chosen.Images)) {
		filename := chosen.Images[drive]
		path, ok := have(kind, filename, a.image(filename).MD5)
		if !ok {
			path = filename // of a container, which the Docker engine finds
		}
		t[imageField(kind, drive)] = encode(path)
		if strings.HasSuffix(drive, "_disk_image") {
			usual(t, strings.TrimSuffix(drive, "image")+"interface", "ide")
		}
	}
	if chosen.IdlePC != "" {
		t["idlepc"] = encode(chosen.IdlePC)
	}
	return clean(kind, t), nil, nil
}

// choose finds a version and which of its images are missing; a version without
// a name if there are none.
func (a Appliance) choose(name string, have func(emulator, filename, md5 string) (string, bool)) (version, []Image, error) {
	lacks := func(v version) (missing []Image) {
		kind, _, _ := a.emulator(v.Settings) // Parse has seen to it that there is one
		for _, drive := range slices.Sorted(maps.Keys(v.Images)) {
			image := a.image(v.Images[drive])
			if _, ok := have(kind, image.Filename, image.MD5); !ok && kind != "docker" {
				missing = append(missing, image)
			}
		}
		return missing
	}
	if name != "" && len(a.versions) == 0 {
		return version{}, nil, fault.Errorf(fault.NotFound, "cannot install version %q of %s: it has no versions, so name none", name, a.Name)
	}
	if name != "" {
		i := slices.IndexFunc(a.versions, func(v version) bool { return v.Name == name })
		if i < 0 {
			var names []string
			for _, v := range a.versions {
				names = append(names, v.Name)
			}
			return version{}, nil, fault.Errorf(fault.NotFound, "cannot install version %q of %s: its versions are %q", name, a.Name, names)
		}
		return a.versions[i], lacks(a.versions[i]), nil
	}
	for _, v := range a.versions {
		if len(lacks(v)) == 0 {
			return v, nil, nil
		}
	}
	if len(a.versions) == 0 {
		return version{}, nil, nil
	}
	return a.versions[0], lacks(a.versions[0]), nil
}

func (a Appliance) image(filename string) Image {
	i := slices.IndexFunc(a.images, func(i Image) bool { return i.Filename == filename })
	if i < 0 {
		return Image{Filename: filename}
	}
	return a.images[i]
}

// fieldOf is the template's field for a setting of an appliance.
func fieldOf(setting string) (string, bool) {
	switch setting {
	case "arch":
		return "platform", true
	case "kvm", "path", "console_path": // "path" of qemu is a program of the author's machine
		return "", false
	}
	return setting, true
}

func imageField(kind, drive string) string {
	switch {
	case kind == "iou":
		return "path"
	case kind == "dynamips":
		return "image"
	}
	return drive
}

// platform is what a template needs besides the settings as they are.
func platform(kind string, settings map[string]json.RawMessage, t templates.Template) {
	if kind != "qemu" {
		return
	}
	var kvm string
	_ = json.Unmarshal(settings["kvm"], &kvm) // left out: "allow"
	if kvm == "disable" {
		options := strings.TrimSpace(t.Text("options") + " -machine accel=tcg")
		t["options"] = encode(options)
	}
}

func templateCategory(category string) string {
	if category == "multilayer_switch" {
		return "switch"
	}
	return category
}

func usual(t templates.Template, field, value string) {
	if _, ok := t[field]; !ok {
		t[field] = encode(value)
	}
}

// clean leaves out what a template of this type has no field for: appliances
// say more than GNS3 2.2 keeps.
func clean(kind string, t templates.Template) templates.Template {
	known := templates.Fields(kind, t.Text("platform"))
	maps.DeleteFunc(t, func(name string, _ json.RawMessage) bool { return !slices.Contains(known, name) })
	return t
}

func encode(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("internal error: " + err.Error()) // texts of our own
	}
	return raw
}
