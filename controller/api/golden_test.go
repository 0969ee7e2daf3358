package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// request is a line of testdata/*.txt, which are sessions: a request in a line
// that begins with ">", and below it the answer. In a request, {vm_id:2} is the
// second value that a field vm_id had in an answer before it, and {vm_id} the
// first.
var request = regexp.MustCompile(`^> (\S+) (\S+)(?: (.*))?$`)

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, newLab(t), string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("the session differs (-want +got), see -update:\n%s", diff)
			}
		})
	}
}

// play sends the requests of a script and returns the script with the answers.
func play(t *testing.T, l *lab, script string) string {
	t.Helper()
	var out strings.Builder
	seen := names{values: map[string][]string{}}
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			fmt.Fprintln(&out, line)
			continue
		}
		m := request.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		path := seen.fill(m[2])
		status, answer := l.call(t, m[1], path, seen.fill(m[3]))
		seen.learn(answer)
		fmt.Fprintf(&out, "%s\n%d\n", line, status)
		if len(answer) > 0 {
			text := strings.ReplaceAll(string(bytes.TrimSpace(answer)), l.dir, "DATA")
			text = moment.ReplaceAllString(seen.hide(text), "$1<time>")
			fmt.Fprintln(&out, interfaces.ReplaceAllString(text, "$1<of this host>"))
		}
		fmt.Fprintln(&out)
	}
	return out.String()
}

// moment is a time of which there is one in an answer.
var moment = regexp.MustCompile(`("created_at": |taken on )[0-9-]+( at [0-9:]+)?`)

// interfaces are those of the host, which a cloud shows.
var interfaces = regexp.MustCompile(`("interfaces": )\[[^]]*\]`)

// names are the values that differ from run to run, by the field they came in.
type names struct{ values map[string][]string }

// learned are the fields that are remembered; ids come before numbers, which
// could be part of one.
var learned = []string{"project_id", "vm_id", "node_id", "link_id", "template_id", "snapshot_id", "console", "udp_port"}

func (n *names) learn(answer []byte) {
	var object map[string]any
	if json.Unmarshal(answer, &object) != nil {
		return
	}
	for _, field := range learned {
		value, ok := object[field]
		text := fmt.Sprint(value)
		known := n.values[field]
		if ok && !slices.Contains(known, text) {
			n.values[field] = append(known, text)
		}
	}
}

func (n *names) fill(text string) string {
	for field, values := range n.values {
		for i, value := range values {
			text = strings.ReplaceAll(text, fmt.Sprintf("{%s:%d}", field, i+1), value)
		}
		text = strings.ReplaceAll(text, "{"+field+"}", values[0])
	}
	return text
}

func (n *names) hide(text string) string {
	for _, field := range learned {
		for i, value := range n.values[field] {
			text = strings.ReplaceAll(text, value, fmt.Sprintf("<%s:%d>", field, i+1))
		}
	}
	return text
}
