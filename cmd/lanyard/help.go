package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// overview is the help of the whole program.
func overview() string {
	var b strings.Builder
	b.WriteString("Lanyard emulates networks: it draws, wires and runs labs, and speaks the GNS3 API.\n\nusage: lanyard VERB [options]\n\n")
	for _, v := range verbs() {
		if v.help != "" {
			fmt.Fprintf(&b, "  %-10s %s\n", v.name, v.help)
		}
	}
	b.WriteString(`
examples:
  lanyard serve
      serve on 127.0.0.1:3080, with labs in ~/.local/share/lanyard
  lanyard serve --listen 127.0.0.1:8000 --data-dir /srv/labs
      serve elsewhere
  lanyard serve --listen 0.0.0.0:3080 --user ada --password-file /etc/lanyard.pw --tls-self-signed
      serve a whole network; that needs a user
  curl http://127.0.0.1:3080/v2/version
      ask a server for its version
  lanyard shutdown
      stop the labs and the server
  lanyard vpcs -p 4000 -s 20000 -c 30000
      one process of virtual PCs; telnet 127.0.0.1 4000 is its console

"lanyard VERB --help" tells the options of a verb.
`)
	return b.String()
}

// helpMain tells about a verb, or about all.
func helpMain(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 || args[0] == "help" {
		_, _ = io.WriteString(stdout, overview())
		return 0
	}
	if args[0] == "vpcs" {
		return vpcsMain([]string{"-h"})
	}
	return run([]string{args[0], "--help"}, stdout, stderr)
}

// suggestion names the verb that was probably meant.
func suggestion(typed string) string {
	best, distance := "", len(typed)/2+1
	for _, v := range verbs() {
		if d := editDistance(typed, v.name); v.help != "" && d < distance {
			best, distance = v.name, d
		}
	}
	if best == "" {
		return `; "lanyard help" lists them`
	}
	return fmt.Sprintf(`; did you mean "lanyard %s"?`, best)
}

// editDistance counts the bytes to insert, delete or replace to turn a into b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
