package capture

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lanyard-lab/lanyard/nio"
)

// noting notes what it is shown.
type noting struct {
	name string
	log  *[]string
}

func (n *noting) Frames(d nio.Direction, frames [][]byte) {
	*n.log = append(*n.log, fmt.Sprintf("%s %d %d", n.name, d, len(frames)))
}

func TestFan(t *testing.T) {
	var log []string
	a, b := &noting{"a", &log}, &noting{"b", &log}
	var f Fan
	for _, tc := range []struct {
		name   string
		change func()
		want   []string
	}{
		{"zero value", func() {}, nil},
		{"one", func() { f.Add(a) }, []string{"a 1 2"}},
		{"two", func() { f.Add(b) }, []string{"a 1 2", "b 1 2"}},
		{"again", func() { f.Add(a) }, []string{"a 1 2", "b 1 2"}},
		{"remove", func() { f.Remove(a) }, []string{"b 1 2"}},
		{"remove what is not there", func() { f.Remove(a) }, []string{"b 1 2"}},
		{"remove last", func() { f.Remove(b) }, nil},
		{"set", func() { f.Set([]nio.Capture{b, a}) }, []string{"b 1 2", "a 1 2"}},
		{"set none", func() { f.Set(nil) }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			log = nil
			tc.change()
			f.Frames(nio.Back, frames(arp, arp))
			if !slices.Equal(log, tc.want) {
				t.Errorf("shown to %v, want %v", log, tc.want)
			}
			if f.Empty() != (len(tc.want) == 0) {
				t.Errorf("Empty() = %v", f.Empty())
			}
		})
	}
}
