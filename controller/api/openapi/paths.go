package openapi

import (
	"regexp"
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

// parameters are those that the path has.
func parameters(path string) []parameter {
	var all []parameter
	for _, found := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
		all = append(all, parameter{Name: found[1], In: "path", Required: true, Schema: &schema{Type: "string"}})
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

// tag groups paths: by the word after the dialect, such as "projects".
func tag(path string) string {
	words := strings.Split(strings.Trim(path, "/"), "/")
	if len(words) > 1 && regexp.MustCompile(`^v\d+$`).MatchString(words[0]) {
		return words[1]
	}
	return strings.TrimSuffix(words[0], ".json")
}
