// Package compat is the list of every route of GNS3 2.2, and what this server
// does with each.
package compat

import (
	"net/http"
	"slices"
)

// How says what this server does with a route of GNS3's.
type How int

// What can be done with a route.
const (
	Same     How = iota // it takes and answers what GNS3 does
	Extended            // it does that, and more
	Refused             // it answers with an error
)

// String is the word that the table has.
func (h How) String() string {
	switch h {
	case Same:
		return "same"
	case Extended:
		return "more"
	default:
		return "no"
	}
}

// Route is one of GNS3's.
type Route struct {
	Group  string // the heading it is under
	Method string
	Path   string // with parameters in braces, a type of node in full
	How    How
	Status int    // of the error that a Refused route answers
	Note   string // what more, or why not; may be empty for Same
}

// group is a list of routes under a heading.
type group struct {
	name   string
	routes []Route
}

// Routes is all that GNS3 2.2.60 has, first those of the controller, then
// those of the compute, in the order of the document.
func Routes() []Route {
	var all []Route
	for _, g := range slices.Concat(controllerGroups(), computeGroups()) {
		for _, r := range g.routes {
			r.Group = g.name
			all = append(all, r)
		}
	}
	return all
}

func same(method, path string) Route { return Route{Method: method, Path: path} }

func get(path string) Route    { return same(http.MethodGet, path) }
func post(path string) Route   { return same(http.MethodPost, path) }
func put(path string) Route    { return same(http.MethodPut, path) }
func remove(path string) Route { return same(http.MethodDelete, path) }

// but tells of a difference that no client stumbles over.
func (r Route) but(note string) Route {
	r.Note = note
	return r
}

// more tells what else the route can do.
func (r Route) more(note string) Route {
	r.How, r.Note = Extended, note
	return r
}

// refused tells why not.
func (r Route) refused(status int, why string) Route {
	r.How, r.Status, r.Note = Refused, status, why
	return r
}
