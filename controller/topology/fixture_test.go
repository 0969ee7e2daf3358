package topology

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decode(t *testing.T, data []byte) *File {
	t.Helper()
	f, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func encode(t *testing.T, f *File) []byte {
	t.Helper()
	data, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The fixture is as GNS3 2.2 writes it, so nothing at all may change.
func TestRevision9KeepsEveryByte(t *testing.T) {
	data := fixture(t, "revision9.gns3")
	f := decode(t, data)
	if diff := cmp.Diff(string(data), string(encode(t, f))); diff != "" {
		t.Errorf("Encode(Decode(file)) differs from the file (-want +got):\n%s", diff)
	}
	if len(f.Lost) > 0 || len(f.Moves) > 0 || f.From != 9 {
		t.Errorf("Decode lost %q, moves %v, from %d; want nothing from 9", f.Lost, f.Moves, f.From)
	}
}

// What is written once no longer changes, from whatever revision it came.
func TestRoundTripIsStable(t *testing.T) {
	for _, name := range []string{"revision9.gns3", "revision8.gns3", "revision2.gns3"} {
		t.Run(name, func(t *testing.T) {
			first := decode(t, fixture(t, name))
			once := encode(t, first)
			second := decode(t, once)
			if again := encode(t, second); !bytes.Equal(once, again) {
				t.Errorf("second Encode differs:\n%s", cmp.Diff(string(once), string(again)))
			}
			if diff := cmp.Diff(asWritten(first), second); diff != "" {
				t.Errorf("Decode(Encode(f)) differs from f (-want +got):\n%s", diff)
			}
		})
	}
}

// asWritten is f without what is told of how it was read.
func asWritten(f *File) *File {
	g := *f
	g.From, g.Lost, g.Moves = Revision, nil, nil
	return &g
}
