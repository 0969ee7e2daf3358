package controller_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/topology"
)

// TestReadProjectFile is that a client which changes a lab and reads its
// project file finds the change there, however soon it asks.
func TestReadProjectFile(t *testing.T) {
	c := start(t)
	p := project(t, c)
	file := p.View().Name + ".gns3"
	names := func(when string, want ...string) {
		t.Helper()
		f, err := topology.Decode([]byte(read(t, p, file)))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range f.Nodes {
			got = append(got, n.Name)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s the project file has the nodes %q, want %q", when, got, want)
		}
	}
	names("at first")
	one := node(t, p, "PC1")
	names("with one", "PC1")
	node(t, p, "PC2")
	names("with two", "PC1", "PC2")
	if err := one.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	names("with one again", "PC2")
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	names("closed", "PC2")
}

// TestReadFileThatIsNot is in the words that GNS3 has, because of Ansible's
// modules: they write a file that is not there only if they read these.
func TestReadFileThatIsNot(t *testing.T) {
	c := start(t)
	p := project(t, c)
	for _, tc := range []struct {
		from reader
		want string
	}{
		{p, "Not Found"},
		{node(t, p, "PC1"), "not found"},
	} {
		_, err := tc.from.ReadFile(t.Context(), "etc/none")
		if codeOf(err) != controller.NotFound || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("ReadFile of none = %v, want NotFound that says %q", err, tc.want)
		}
	}
}
