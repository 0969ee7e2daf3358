package openapi

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// Paths are the addresses of a row in OpenAPI's words: "{id}" for a parameter.
func Paths(row route.Row) []string {
	if len(row.Means) > 0 {
		return row.Means
	}
	words := strings.Split(row.Path, "/")
	for i, word := range words {
		if strings.HasPrefix(word, ":") || strings.HasPrefix(word, "*") {
			words[i] = "{" + word[1:] + "}"
		}
	}
	return []string{strings.Join(words, "/")}
}

// parameters are those that the path has, and those of the query.
func parameters(path string, query map[string]string) []parameter {
	var all []parameter
	for _, found := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
		all = append(all, parameter{Name: found[1], In: "path", Required: true, Schema: &schema{Type: "string"}})
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		all = append(all, parameter{Name: name, In: "query", Description: query[name], Schema: &schema{Type: "string"}})
	}
	return all
}

// operationID is the method and the words of the path. Paths that differ in
// punctuation alone would get the same, and there are none.
func operationID(method, path string) string {
	id := strings.ToLower(method)
	for _, word := range regexp.MustCompile(`\w+`).FindAllString(path, -1) {
		id += "_" + word
	}
	return id
}

// Dialect is the dialect of the API that a path belongs to, such as "v2", empty
// if it belongs to none.
func Dialect(path string) string {
	word, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if regexp.MustCompile(`^v\d+$`).MatchString(word) {
		return word
	}
	return ""
}

// tag groups paths: by the dialect and the words of the first two collections
// in it, such as "v2 projects nodes", a collection being a word that has a
// parameter behind it somewhere. What is no part of one is "v2 server".
func tag(path string, collections map[string]bool) string {
	words := strings.Split(strings.Trim(path, "/"), "/")
	name := []string{}
	if dialect := Dialect(path); dialect != "" {
		name, words = append(name, dialect), words[1:]
	}
	found := 0
	prefix := strings.TrimSuffix("/"+strings.Join(name, "/"), "/")
	if len(words) > 1 && words[0] == "compute" {
		name = append(name, "compute")
	}
	for _, word := range words {
		prefix += "/" + word
		if collections[prefix] && found < 2 {
			name, found = append(name, word), found+1
		}
	}
	if found == 0 {
		name = append(name, "server")
	}
	return strings.Join(name, " ")
}

// collectionsOf are the beginnings of paths that have a parameter next.
func collectionsOf(rows []route.Row) map[string]bool {
	all := map[string]bool{}
	for _, row := range rows {
		for _, path := range Paths(row) {
			for i := 1; i < len(path); i++ {
				if path[i] == '{' && !strings.HasSuffix(path[:i-1], "}") {
					all[path[:i-1]] = true
				}
			}
		}
	}
	return all
}
