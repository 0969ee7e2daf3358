package compat

import (
	"fmt"
	"strings"
)

// introduction is what people read before the tables.
const introduction = `# GNS3 compatibility

<!-- Written by: go test ./controller/api -run Compatibility -update -->

Lanyard speaks the API of GNS3 2.2, for clients and for other GNS3 servers. Programs that talk to a GNS3 server talk to this one unchanged:

- **GNS3's desktop client** 2.2: add a remote server with this one's address and port. It insists on its own version, which is what ` + "`/v2/version`" + `
  answers unless the settings say another. From another machine it opens consoles only with the setting console_host, and knows this one by a name only
  with allowed_hosts.
- **GNS3's web client**: copy its folder from a GNS3 server and name it in the setting web_ui.
- **gns3fy, the Ansible collection** and scripts with curl. gns3fy needs pydantic 1.10 or newer: older ones refuse an answer for a field that they do not know.
- **A GNS3 server** as the controller of this one: add this one there as a remote compute, by its IP address or a name in the setting allowed_hosts, with
  user and password. It, too, insists on its own version. GNS3 sends no password for consoles in its web client: where one is set here, use telnet.

Projects go both ways, as folders with a ` + "`.gns3`" + ` file and as ` + "`.gns3project`" + ` archives; what is not understood here stays in them.

## What differs on purpose

- **Nodes that run here** are virtual PCs (` + "`vpcs`" + `), Ethernet switches and hubs, clouds and NATs. Nodes of the other types (QEMU, Docker, Dynamips, IOU,
  VirtualBox, VMware, TraceNG, Frame Relay and ATM switches) can be made, placed, linked, changed, exported and imported; nothing of them is lost. Starting one
  gets 501, or 409 on the compute API, where a controller takes no 501 for an answer, and a capture on one of their serial lines 409.
- **Unknown fields** of requests are ignored, where GNS3 refuses some. Known ones are checked strictly, and the error names the field and what is allowed.
- **Errors** have GNS3's shape, ` + "`{\"message\": ..., \"status\": ...}`" + `, without ` + "`path`, `request` or `exception`" + `; an unknown address gets that shape, too.
- **Answers have more fields** than GNS3's, such as ` + "`emulator`" + ` of a node or ` + "`seq`" + ` of an event. GNS3's clients ignore them.
- **Names of nodes** are unique in a project: one that is taken gets another number, as with GNS3, also on a rename. The older ` + "`vms`" + ` take a name as it is.
- **Filters and captures** work on links between nodes of any type, running or not; GNS3 wants an end that can filter, or one that runs.
- **` + "`auto_close`" + `** closes a project 5 s after its last listener has gone, as with GNS3, unless one of its nodes runs: a lost connection costs nobody a running lab.
- **Connections are kept open** between requests, and a 2xx answer to a change means that it is on the disk.
- **Other computes** are kept and shown as not connected: this server drives none.
- **Passwords** are asked for on every route, consoles over websockets included.

## The routes

*same*: it takes and answers what GNS3 does. *more*: it does that, and more. *no*: it answers with an error, whose status is given.
Answers of routes that are the same may have more fields. All else that this server has is in [api.md](api.md).
`

// Document is docs/gns3-compatibility.md.
func Document() string {
	var b strings.Builder
	b.WriteString(introduction)
	group := ""
	for _, r := range Routes() {
		if r.Group != group {
			group = r.Group
			fmt.Fprintf(&b, "\n### %s\n\n| method | path | here | |\n|---|---|---|---|\n", group)
		}
		here := r.How.String()
		if r.Status != 0 {
			here += fmt.Sprintf(", %d", r.Status)
		}
		b.WriteString(strings.TrimRight(fmt.Sprintf("| %s | `%s` | %s | %s", r.Method, r.Path, here, r.Note), " ") + " |\n")
	}
	return b.String()
}
