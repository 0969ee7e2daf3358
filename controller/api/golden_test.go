package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lanyard-lab/lanyard/controller/api/route"
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
		conforms(t, m[1], path, status, answer)
		seen.learn(answer)
		fmt.Fprintf(&out, "%s\n%d\n", line, status)
		if len(answer) > 0 {
			text := strings.ReplaceAll(string(bytes.TrimSpace(answer)), l.dir, "DATA")
			fmt.Fprintln(&out, moment.ReplaceAllString(seen.hide(text), "$1<time>"))
		}
		fmt.Fprintln(&out)
	}
	return out.String()
}

// moment is a time of which there is one in an answer.
var moment = regexp.MustCompile(`("created_at": |taken on )[0-9-]+( at [0-9:]+)?`)

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

// conforms checks an answer against the row of its route.
func conforms(t *testing.T, method, path string, status int, answer []byte) {
	t.Helper()
	if status >= 400 {
		var problem struct {
			Status  int
			Message string
		}
		if err := json.Unmarshal(answer, &problem); err != nil || problem.Status != status || problem.Message == "" {
			t.Errorf("%s %s = %d %s, which is not the error envelope", method, path, status, answer)
		}
		return
	}
	row, ok := rowOf(method, path)
	if !ok || row.Status != status {
		t.Errorf("%s %s = %d, want the status of its row, %d", method, path, status, row.Status)
	}
	if row.Download {
		return
	}
	if row.Response == nil {
		if len(answer) != 0 {
			t.Errorf("%s %s has a body: %s", method, path, answer)
		}
		return
	}
	dec := json.NewDecoder(bytes.NewReader(answer))
	dec.DisallowUnknownFields()
	if err := dec.Decode(reflect.New(reflect.TypeOf(row.Response)).Interface()); err != nil {
		t.Errorf("%s %s: the answer is not what its row says: %v\n%s", method, path, err, answer)
	}
	validates(t, row, answer)
}

func rowOf(method, path string) (route.Row, bool) {
	path, _, _ = strings.Cut(path, "?")
	for _, row := range rows(nil, Config{}) {
		pattern := catchAll.ReplaceAllString(parameter.ReplaceAllString(row.Path, "[^/]+"), "/.+")
		if row.Method == method && regexp.MustCompile("^"+pattern+"$").MatchString(path) {
			return row, true
		}
	}
	return route.Row{}, false
}

var (
	parameter = regexp.MustCompile(`:[a-z_]+`)
	catchAll  = regexp.MustCompile(`/\*[a-z_]+`)
)
