package symbols

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// plain is an id without what clients lose on its way or put in front of it:
// ":/symbols/a.svg", "/symbols/a.svg" and "//symbols/a.svg" are "symbols/a.svg".
func plain(id string) string { return path.Clean(strings.TrimLeft(id, ":/")) }

// find tells which symbol an id stands for: a built-in one, or, unless it is
// empty, a file in the folder.
func (s *Set) find(id string) (builtin, file string) {
	name := plain(id)
	rest, inside := strings.CutPrefix(name, "symbols/")
	if inside {
		if key := strings.TrimSuffix(rest, ".svg"); s.isBuiltin(key) {
			return key, ""
		}
	} else if s.isFile(name) {
		return "", name
	}
	base := path.Base(name)
	if key, ok := s.classic(strings.TrimSuffix(base, path.Ext(base))); ok {
		return key, ""
	}
	if s.isFile(base) {
		return "", base
	}
	return last, ""
}

func (s *Set) isBuiltin(key string) bool {
	_, ok := s.builtin[key]
	return ok
}

// classic finds a classic symbol by one of its names. Projects of GNS3's first
// version have the state of a node in it, too.
func (s *Set) classic(name string) (string, bool) {
	for _, state := range []string{".normal", ".selected"} {
		name = strings.TrimSuffix(name, state)
	}
	if other, ok := s.aliases[name]; ok {
		name = other
	}
	return "classic/" + name, s.isBuiltin("classic/" + name)
}

func (s *Set) isFile(name string) bool {
	if !fs.ValidPath(name) || strings.HasPrefix(path.Base(name), ".") || !isPicture(name) {
		return false
	}
	info, err := s.folder.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// builtins are the built-in symbols, by key and as they are listed.
func builtins() (map[string]drawing, []Symbol) {
	all := map[string]drawing{}
	var listed []Symbol
	add := func(folder, theme string, some map[string]drawing) {
		for name, d := range some {
			all[folder+name] = d
			listed = append(listed, Symbol{ID: builtinPrefix + folder + name + ".svg", Filename: name + ".svg", Theme: theme, Builtin: true})
		}
	}
	add("classic/", "Classic", classic())
	for _, v := range variants() {
		add(v.folder(), v.theme(), v.affinity())
	}
	slices.SortFunc(listed, func(a, b Symbol) int {
		if a.Theme != b.Theme && (a.Theme == "Classic" || b.Theme == "Classic") {
			return -strings.Compare(a.Theme, b.Theme)
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all, listed
}

// DefaultSymbols are the ids of the symbols that a theme has for the kinds of
// nodes, by theme and kind.
func DefaultSymbols() map[string]map[string]string {
	classic := map[string]string{}
	for _, kind := range kinds() {
		name := kind[0]
		if name == "ethernet_hub" {
			name = "hub"
		}
		classic[kind[0]] = builtinPrefix + "classic/" + name + ".svg"
	}
	themes := map[string]map[string]string{"Classic": classic}
	for _, v := range variants() {
		ids := map[string]string{}
		for _, kind := range kinds() {
			ids[kind[0]] = builtinPrefix + v.folder() + kind[1] + ".svg"
		}
		themes[v.theme()] = ids
	}
	return themes
}

// kinds are the kinds of nodes that themes have symbols for, each with the
// name of its symbol in the affinity themes.
func kinds() [][2]string {
	return [][2]string{
		{"cloud", "cloud"}, {"ethernet_switch", "switch"}, {"ethernet_hub", "hub"}, {"frame_relay_switch", "isdn"}, {"atm_switch", "atm"},
		{"router", "router"}, {"multilayer_switch", "switch_multilayer"}, {"firewall", "firewall3"}, {"computer", "client"},
		{"vpcs_guest", "client"}, {"qemu_guest", "client_vm"}, {"vbox_guest", "virtualbox"}, {"vmware_guest", "vmware"}, {"docker_guest", "docker"},
	}
}
