package compat

import "net/http"

const (
	project = "/v2/projects/{project_id}"
	node    = project + "/nodes/{node_id}"
	link    = project + "/links/{link_id}"
)

const noDynamips = "this server does not run Dynamips"

// controllerGroups are the routes that clients use.
func controllerGroups() []group {
	return []group{
		{"Server", serverRoutes()},
		{"Computes", computesRoutes()},
		{"Templates, appliances and symbols", libraryRoutes()},
		{"Projects", projectRoutes()},
		{"Nodes", nodeRoutes()},
		{"Links", linkRoutes()},
		{"Drawings and snapshots", sceneRoutes()},
	}
}

func serverRoutes() []Route {
	return []Route{
		get("/").but("leads to `/docs` unless the setting `web_ui` names the folder of GNS3's web client, which is not part of this server"),
		get("/static/web-ui/{file}").but("404 without that setting"),
		get("/v1/version"),
		get("/v2/version").more("`lanyard` is the version of this program"),
		post("/v2/version"),
		post("/v2/shutdown").but("also when the server was not started with `--local`"),
		post("/v2/reload").but("opens projects that could not be loaded; settings are read at the start alone"),
		get("/v2/iou_license"), put("/v2/iou_license").but("kept for clients; IOU is not run"),
		get("/v2/statistics"),
		post("/v2/debug").more("`GET` downloads such a report; there are no secrets in it"),
		get("/v2/notifications").more("`seq` numbers the events, `?since=N` sends what was missed; older `vm.*` events are there as well"),
		get("/v2/notifications/ws").more("the same"),
		get("/v2/gns3vm"), put("/v2/gns3vm").but("kept for clients; no virtual machine is started"),
		get("/v2/gns3vm/engines").but("an empty list"),
		get("/v2/gns3vm/engines/{engine}/vms").but("an empty list"),
	}
}

func computesRoutes() []Route {
	const one = "/v2/computes/{compute_id}"
	routes := []Route{
		get("/v2/computes"),
		post("/v2/computes").but("kept and shown as not connected: this server drives no other compute"),
		get(one), put(one).but("of `local` the name alone"), remove(one),
		get(one + "/ports"),
		get(one + "/network/interfaces"),
		get("/v2/computes/endpoint/{compute_id}/{emulator}/{action}"),
		post(one+"/auto_idlepc").refused(http.StatusNotImplemented, noDynamips),
	}
	for _, emulator := range []string{"qemu", "iou", "dynamips"} {
		images := one + "/" + emulator + "/images"
		routes = append(routes, get(images), get(images+"/{filename}"), post(images+"/{filename}"))
	}
	return append(routes,
		get(one+"/docker/images").but("an empty list"), get(one+"/virtualbox/vms").but("an empty list"), get(one+"/vmware/vms").but("an empty list"),
		get(one+"/qemu/binaries"), get(one+"/qemu/img-binaries"), get(one+"/qemu/capabilities"), post(one+"/qemu/img"), put(one+"/qemu/img"))
}

func libraryRoutes() []Route {
	const template = "/v2/templates/{template_id}"
	return []Route{
		get("/v2/templates"), post("/v2/templates"), get(template), put(template), remove(template), post(template + "/duplicate"),
		post(project + "/templates/{template_id}"),
		get("/v2/appliances").more("one can be installed: `POST /v2/appliances/{appliance_id}/install`"),
		get("/v2/symbols").but("drawings of our own under GNS3's names"),
		get("/v2/symbols/{symbol_id}/raw"), post("/v2/symbols/{symbol_id}/raw").but("an SVG with scripts or references to elsewhere gets 400"),
		get("/v2/symbols/{symbol_id}/dimensions"), get("/v2/default_symbols"),
	}
}

func projectRoutes() []Route {
	return []Route{
		get("/v2/projects"),
		post("/v2/projects").more("`temporary`, `links_always_up`, `flight_recorder`"),
		get(project).more("the same"), put(project).more("the same"),
		remove(project), get(project + "/stats"), post(project + "/open"), post(project + "/close"), post("/v2/projects/load"),
		get(project + "/notifications").more("`seq` and `?since=N`, as above"), get(project + "/notifications/ws").more("the same"),
		get(project + "/export").more("`compression` may be `zstd`, too"), post(project + "/import"), post(project + "/duplicate"),
		get(project + "/files/{path}"), post(project + "/files/{path}"),
	}
}

func nodeRoutes() []Route {
	all := project + "/nodes"
	routes := []Route{
		get(all),
		post(all).more("`emulator`: the built-in virtual PC or the real VPCS"),
		get(node).more("`emulator`, and in `reason` why it stopped by itself"), put(node),
		remove(node), post(node + "/duplicate"),
	}
	for _, word := range []string{"start", "stop", "suspend", "reload"} {
		one := post(node + "/" + word)
		if word == "start" {
			one = one.but("501 for nodes of types that are kept and not run, see above")
		}
		routes = append(routes, one, post(all+"/"+word))
	}
	return append(routes,
		get(node+"/links"), post(node+"/console/reset"), post(all+"/console/reset"),
		get(node+"/console/ws").but("asks for the password, if there is one, as all other routes do"),
		get(node+"/files/{path}"), post(node+"/files/{path}"),
		get(node+"/dynamips/auto_idlepc").refused(http.StatusNotImplemented, noDynamips),
		get(node+"/dynamips/idlepc_proposals").refused(http.StatusNotImplemented, noDynamips),
		post(node+"/resize_disk").refused(http.StatusNotImplemented, "QEMU machines are not run"),
	)
}

func linkRoutes() []Route {
	all := project + "/links"
	const fields = "`lane_filters` for one direction, `seed`, and `carrier` and `up`, which tell how frames go"
	return []Route{
		get(all).more(fields), post(all).more(fields), get(link).more(fields), put(link).more(fields), remove(link),
		get(link + "/available_filters").more("describes more filters than GNS3's five, for links between nodes of any type"),
		post(link + "/start_capture").more("also while no node runs"), post(link + "/stop_capture"),
		get(link + "/pcap").more("`/capture` streams frames without a file, also those of the last seconds"),
	}
}

func sceneRoutes() []Route {
	drawings, snapshots := project+"/drawings", project+"/snapshots"
	return []Route{
		get(drawings), post(drawings).but("an SVG with scripts or references to elsewhere gets 400"), get(drawings + "/{drawing_id}"),
		put(drawings + "/{drawing_id}"), remove(drawings + "/{drawing_id}"),
		get(snapshots), post(snapshots), remove(snapshots + "/{snapshot_id}"), post(snapshots + "/{snapshot_id}/restore"),
	}
}
