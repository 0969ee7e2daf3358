package compat

import "strings"

// Covers reports whether a server that has a route with this method at address
// answers requests for r. A parameter of the address, such as {node_type}, takes
// any word that r has there; a word takes only itself.
func (r Route) Covers(method, address string) bool {
	if method != r.Method {
		return false
	}
	want, have := strings.Split(r.Path, "/"), strings.Split(address, "/")
	if len(want) != len(have) {
		return false
	}
	for i, word := range have {
		if word != want[i] && !isParameter(word) {
			return false
		}
	}
	return true
}

func isParameter(word string) bool { return strings.HasPrefix(word, "{") }
