package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
)

// release is the version of this program.
const release = "0.1.0"

// gns3Version is the version that the API tells unless another one is set: that
// of the GNS3 whose API this is. Clients compare it, so it holds nothing else.
const gns3Version = "2.2.60"

// versionMain tells the version and what this binary was built from.
func versionMain(_ context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && !strings.HasPrefix(strings.TrimLeft(args[0], "-"), "h") {
		_, _ = fmt.Fprintf(stderr, "lanyard version: unexpected %q\n", args[0])
		return exitUsage
	}
	_, _ = fmt.Fprintf(stdout, "lanyard %s%s, %s, %s/%s\n", release, builtFrom(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return 0
}

// builtFrom is the commit that the binary was built from, as far as known.
func builtFrom() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	revision, changed := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = ", changed"
		}
	}
	if revision == "" {
		return ""
	}
	return " (" + revision + changed + ")"
}
