// Command lanyard is a network-lab server: lanyard serve. Its other verbs are
// the process that runs a project, the virtual PC as a program of its own, and
// a small client.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
)

func main() {
	// The virtual PC is a program of its own, with vpcs's command line.
	if len(os.Args) > 1 && os.Args[1] == "vpcs" {
		os.Exit(vpcsMain(os.Args[2:]))
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// Exit codes besides 0.
const (
	exitFailed = 1 // it was tried and did not work
	exitUsage  = 2 // the command line makes no sense
)

// verb is the first word of a command line.
type verb struct {
	name   string
	help   string // one line; empty hides the verb
	action func(ctx context.Context, args []string, stdout, stderr io.Writer) int
}

func verbs() []verb {
	return []verb{
		{"serve", "run the server", serveMain},
		{"shutdown", "stop a running server and its labs", shutdownMain},
		{"vpcs", "run the virtual PC alone, with vpcs's own command line", nil},
		{"version", "tell the version", versionMain},
		{"help", "tell what a verb does: lanyard help VERB", helpMain},
		{"runner", "", runnerMain},
	}
}

// run does what a command line says and returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		_, _ = io.WriteString(stderr, overview())
		return exitUsage
	}
	name := args[0]
	switch name {
	case "-h", "-help", "--help":
		name = "help"
	case "-version", "--version":
		name = "version"
	}
	for _, v := range verbs() {
		if v.name == name && v.action != nil {
			return v.action(context.Background(), args[1:], stdout, stderr)
		}
	}
	_, _ = fmt.Fprintf(stderr, "lanyard: there is no verb %q%s\n", args[0], suggestion(name))
	return exitUsage
}
