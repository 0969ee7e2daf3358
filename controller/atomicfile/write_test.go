package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/lanyard-lab/lanyard/controller/fault"
)

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	for _, text := range []string{"one", "two"} {
		if err := Write(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("file = %q, %v, want %q", got, err, text)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode = %v, %v, want 0600", info.Mode(), err)
	}
	var e *fault.Error
	if err := Write(filepath.Join(path, "b"), nil, 0o600); !errors.As(err, &e) || e.Code == fault.Internal {
		t.Errorf("Write below a file = %v, want an error for the user", err)
	}
}
