package pc

import "strings"

// maxTokens is how many words of a command line are looked at; vpcs has the same limit.
const maxTokens = 20

// tokenize splits a command line as vpcs does: at spaces, tabs, '=' and '/'.
// A '"' at the start of a word groups everything up to the next '"'. Words
// after the twentieth are dropped.
func tokenize(line string) []string {
	var words []string
	for len(words) < maxTokens {
		line = strings.TrimLeft(line, " \t=/")
		if line == "" {
			break
		}
		if line[0] == '"' {
			word, rest, _ := strings.Cut(line[1:], `"`)
			words, line = append(words, word), rest
			continue
		}
		end := strings.IndexAny(line, " \t=/")
		if end < 0 {
			end = len(line)
		}
		words, line = append(words, line[:end]), line[end:]
	}
	return words
}

// quote makes one word for tokenize out of s, as far as that is possible.
func quote(s string) string {
	s = strings.ReplaceAll(s, `"`, "")
	if s == "" || strings.ContainsAny(s, " \t=/") {
		return `"` + s + `"`
	}
	return s
}

// rest returns what follows the first word of line, as it was typed.
func rest(line string) string {
	line = strings.TrimLeft(line, " \t")
	end := strings.IndexAny(line, " \t")
	if end < 0 {
		return ""
	}
	return strings.TrimLeft(line[end:], " \t")
}
