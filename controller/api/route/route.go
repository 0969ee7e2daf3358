// Package route is what the dialects of the API are written in: rows of a
// route table, decoding of requests, and the one shape of answers and errors.
package route

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
)

// Privilege is what a caller must be allowed to do before a row's handler runs.
type Privilege string

// The privileges. The zero Privilege is a mistake that a test finds.
const (
	SignedIn          Privilege = "SignedIn" // whoever may talk to the server at all
	ServerAudit       Privilege = "Server.Audit"
	ServerModify      Privilege = "Server.Modify"
	ProjectAudit      Privilege = "Project.Audit"
	ProjectAllocate   Privilege = "Project.Allocate"
	ProjectModify     Privilege = "Project.Modify"
	NodeAudit         Privilege = "Node.Audit"
	NodeAllocate      Privilege = "Node.Allocate"
	NodeModify        Privilege = "Node.Modify"
	NodePowerMgmt     Privilege = "Node.PowerMgmt"
	NodeConsole       Privilege = "Node.Console"
	LinkAudit         Privilege = "Link.Audit"
	LinkAllocate      Privilege = "Link.Allocate"
	LinkModify        Privilege = "Link.Modify"
	LinkCapture       Privilege = "Link.Capture"
	TemplateAudit     Privilege = "Template.Audit"
	TemplateAllocate  Privilege = "Template.Allocate"
	TemplateModify    Privilege = "Template.Modify"
	ApplianceAudit    Privilege = "Appliance.Audit"
	ApplianceAllocate Privilege = "Appliance.Allocate"
	DrawingAudit      Privilege = "Drawing.Audit"
	DrawingAllocate   Privilege = "Drawing.Allocate"
	DrawingModify     Privilege = "Drawing.Modify"
	SnapshotAudit     Privilege = "Snapshot.Audit"
	SnapshotAllocate  Privilege = "Snapshot.Allocate"
	SnapshotRestore   Privilege = "Snapshot.Restore"
	SymbolAudit       Privilege = "Symbol.Audit"
	SymbolAllocate    Privilege = "Symbol.Allocate"
	ImageAudit        Privilege = "Image.Audit"
	ImageAllocate     Privilege = "Image.Allocate"
)

// Handler serves one request, or returns an error that is written as the answer.
type Handler func(*gin.Context) error

// Row is one route, as data: the registration, the access check and the
// description of the API come from it.
type Row struct {
	Method    string
	Path      string // gin's pattern, such as "/v2/projects/:project_id"
	Privilege Privilege
	Request   any  // zero value of the struct that the body is decoded into; nil: any object is accepted and ignored
	Response  any  // zero value of what is answered; nil: no body
	Status    int  // of success
	Stream    bool // endless: a websocket or a line-by-line answer
	Upload    bool // the body is bytes of any length, which the handler reads
	Download  bool // the answer is bytes that are no JSON
	MaxBody   int  // longest body in bytes; 0: what is usual, which is enough for all but pictures
	// Means are the addresses that a Path with a catch-all stands for, such as
	// "/v2/symbols/{symbol_id}/raw"; empty: Path says all.
	Means []string
	// Objects are zero values of what those of Means answer that answer JSON,
	// where the row is a Download.
	Objects map[string]any
	// Query says of each parameter that may come behind a "?" what it is for.
	Query   map[string]string
	Doc     string // what it does, in a few words for people who look for it
	Handler Handler
}

// Says is the row with its Doc.
func (r Row) Says(doc string) Row {
	r.Doc = doc
	return r
}

// Asks is the row with the parameters of its Query: name, what it is for, name ...
func (r Row) Asks(query ...string) Row {
	r.Query = map[string]string{}
	for pair := range slices.Chunk(query, 2) {
		r.Query[pair[0]] = pair[1]
	}
	return r
}

// Action is a row that takes no body and answers 204.
func Action(path string, privilege Privilege, h Handler) Row {
	return Row{Method: http.MethodPost, Path: path, Privilege: privilege, Status: http.StatusNoContent, Handler: h}
}

// Delete is a row that deletes what path names and answers 204.
func Delete(path string, privilege Privilege, h Handler) Row {
	return Row{Method: http.MethodDelete, Path: path, Privilege: privilege, Status: http.StatusNoContent, Handler: h}
}

// Get is a row that answers 200 with a value like response.
func Get(path string, privilege Privilege, response any, h Handler) Row {
	return Row{Method: http.MethodGet, Path: path, Privilege: privilege, Response: response, Status: http.StatusOK, Handler: h}
}
