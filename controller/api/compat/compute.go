package compat

import (
	"net/http"
	"slices"
)

const compute = "/v2/compute"

// nodeType is what the compute API of GNS3 has for one type of node.
type nodeType struct {
	name      string
	actions   []string // besides those that all types have
	noRead    bool     // GNS3 has no GET of one
	duplicate bool
	updateNIO bool
	console   bool
	runs      bool // here, too
}

// nodeTypes are those of GNS3 2.2. That a start answers with the node for some
// and without content for the others is in the routes' status, which the rows
// have.
func nodeTypes() []nodeType {
	reload, resume := []string{"reload"}, []string{"reload", "resume"}
	return []nodeType{
		{name: "vpcs", actions: reload, duplicate: true, updateNIO: true, console: true, runs: true},
		{name: "ethernet_switch", duplicate: true, runs: true},
		{name: "ethernet_hub", duplicate: true, runs: true},
		{name: "frame_relay_switch", duplicate: true, runs: true},
		{name: "atm_switch", duplicate: true, runs: true},
		{name: "cloud", updateNIO: true, runs: true},
		{name: "nat", updateNIO: true, runs: true},
		{name: "qemu", actions: resume, duplicate: true, updateNIO: true, console: true},
		{name: "docker", actions: []string{"reload", "pause", "unpause"}, noRead: true, duplicate: true, updateNIO: true, console: true},
		{name: "dynamips", actions: resume, duplicate: true, updateNIO: true, console: true},
		{name: "iou", actions: reload, duplicate: true, updateNIO: true, console: true},
		{name: "virtualbox", actions: resume, updateNIO: true, console: true},
		{name: "vmware", actions: resume, updateNIO: true, console: true},
		{name: "traceng", actions: reload, duplicate: true, updateNIO: true},
	}
}

// computeGroups are the routes by which a controller drives this server.
func computeGroups() []group {
	groups := []group{{"Compute: the host", hostRoutes()}, {"Compute: projects", computeProjectRoutes()}}
	for _, t := range nodeTypes() {
		groups = append(groups, group{"Compute: " + t.name, t.routes()})
	}
	return groups
}

func hostRoutes() []Route {
	routes := []Route{
		get(compute + "/version"), get(compute + "/capabilities"), get(compute + "/statistics"), get(compute + "/debug"),
		get(compute + "/notifications/ws"), get(compute + "/network/interfaces"), get(compute + "/network/ports"),
	}
	for _, emulator := range []string{"qemu", "iou", "dynamips"} {
		images := compute + "/" + emulator + "/images"
		routes = append(routes, get(images), get(images+"/{filename}"), post(images+"/{filename}"))
	}
	return append(routes,
		get(compute+"/docker/images").but("an empty list"), get(compute+"/virtualbox/vms").but("an empty list"), get(compute+"/vmware/vms").but("an empty list"),
		get(compute+"/qemu/binaries"), get(compute+"/qemu/img-binaries"), get(compute+"/qemu/capabilities"), post(compute+"/qemu/img"), put(compute+"/qemu/img"))
}

func computeProjectRoutes() []Route {
	const all, one = compute + "/projects", compute + "/projects/{project_id}"
	return []Route{
		get(all), post(all), get(one), put(one), remove(one), post(one + "/close"),
		get(one + "/files"), get(one + "/files/{path}"), post(one + "/files/{path}"), post(one + "/ports/udp"),
	}
}

// routes are those of the nodes of a type and of their ports.
func (t nodeType) routes() []Route {
	all := compute + "/projects/{project_id}/" + t.name + "/nodes"
	one := all + "/{node_id}"
	port := one + "/adapters/{adapter_number}/ports/{port_number}"
	routes := []Route{post(all), put(one), remove(one)}
	if !t.runs {
		routes[0] = routes[0].but("kept and shown as it is; it cannot be started")
	}
	if !t.noRead {
		routes = slices.Insert(routes, 1, get(one))
	}
	if t.duplicate {
		routes = append(routes, post(one+"/duplicate"))
	}
	for _, word := range append([]string{"start", "stop", "suspend"}, t.actions...) {
		routes = append(routes, t.action(one, word))
	}
	routes = append(routes, post(port+"/nio"), remove(port+"/nio"))
	if t.updateNIO {
		routes = append(routes, put(port+"/nio"))
	}
	routes = append(routes, post(port+"/start_capture"), post(port+"/stop_capture"), get(port+"/pcap"))
	if t.console {
		routes = append(routes, post(one+"/console/reset"), get(one+"/console/ws"))
	}
	return append(routes, t.extras(one)...)
}

// action is a word that is done to a node. What only changes how it runs does
// nothing, without an error, to one that never does. A controller knows no 501.
func (t nodeType) action(one, word string) Route {
	r := post(one + "/" + word)
	if !t.runs && slices.Contains([]string{"start", "resume", "unpause", "reload"}, word) {
		return r.refused(http.StatusConflict, "nodes of this type are kept and not run")
	}
	return r
}

// extras are the routes of one type alone.
func (t nodeType) extras(one string) []Route {
	switch t.name {
	case "qemu":
		return []Route{post(one+"/resize_disk").refused(http.StatusConflict, "QEMU machines are not run")}
	case "dynamips":
		return []Route{
			get(one+"/auto_idlepc").refused(http.StatusConflict, noDynamips),
			get(one+"/idlepc_proposals").refused(http.StatusConflict, noDynamips),
		}
	case "vmware":
		return []Route{post(one+"/interfaces/vmnet").refused(http.StatusNotFound, "there is no VMware to make interfaces with")}
	default:
		return nil
	}
}
