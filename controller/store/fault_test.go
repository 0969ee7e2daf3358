package store

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// again runs the running test once more in a process of its own, where again
// returns true. prepare may change how the process is started.
func again(t *testing.T, prepare func(*exec.Cmd)) bool {
	t.Helper()
	const key = "STORE_TEST_AGAIN"
	if os.Getenv(key) != "" {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), key+"=1")
	prepare(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		if errors.Is(err, syscall.EPERM) {
			t.Skip("cannot make a mount namespace here")
		}
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

// ownMounts gives the process mounts of its own.
func ownMounts(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
	}
}

// smallDisk mounts a file system of a given size.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFullDisk(t *testing.T) {
	if !again(t, ownMounts) {
		return
	}
	dir := smallDisk(t, "1m")
	path := filepath.Join(dir, "s")
	s := open(t, path)
	mustCommit(t, s, set("k", "first", `1`))

	big := func(id string) error {
		value := `"` + strings.Repeat("x", 100<<10) + `"`
		_, err := s.Commit(t.Context(), Commit{Epoch: 1 << 40, Changes: []Change{set("big", id, value)}})
		return err
	}
	acknowledged := 0
	var err error
	for err == nil && acknowledged < 100 {
		if err = big(fmt.Sprint(acknowledged)); err == nil {
			acknowledged++
		}
	}
	if !errors.Is(err, ErrFull) {
		t.Fatalf("commit to a full disk = %v, want ErrFull", err)
	}
	before := s.Revision()
	if err := big("more"); !errors.Is(err, ErrFull) || s.Revision() != before {
		t.Errorf("second commit to a full disk = %v at revision %d, want ErrFull at %d", err, s.Revision(), before)
	}
	if got := len(ids(t, s, "big")); got != acknowledged {
		t.Errorf("%d objects can be read, %d were acknowledged", got, acknowledged)
	}

	// A store opens for reading on a disk that has no byte left.
	if err := s.Close(); err != nil && !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 4096); err == nil; {
		_, err = filler.Write(block)
	}
	filler.Close()
	s = open(t, path)
	if got := len(ids(t, s, "big")); got != acknowledged {
		t.Errorf("after opening %d objects can be read, %d were acknowledged", got, acknowledged)
	}
	if err := big("more"); !errors.Is(err, ErrFull) && !errors.Is(err, ErrReadOnly) {
		t.Errorf("commit to a full disk = %v, want ErrFull or ErrReadOnly", err)
	}
	s.Close()

	// Space comes back: so do commits.
	if err := os.Truncate(filler.Name(), 0); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	if rev := mustCommit(t, s, set("k", "last", `1`)); rev != uint64(acknowledged)+2 {
		t.Errorf("revision = %d after %d commits", rev, acknowledged+1)
	}
	if _, err := Open(filepath.Join(dir, "none", "s")); err == nil {
		t.Error("opened a store in a folder that does not exist")
	}
}

func TestFullDiskHurtsOnlyTheBig(t *testing.T) {
	if !again(t, ownMounts) {
		return
	}
	s := open(t, filepath.Join(smallDisk(t, "1m"), "s"))
	small, big := set("k", "small", `1`), set("k", "big", `"`+strings.Repeat("x", 2<<20)+`"`)
	var group []*request
	for _, ch := range []Change{small, big, small} {
		group = append(group, &request{commit: Commit{Changes: []Change{ch}}, done: make(chan struct{})})
	}
	s.mu.Lock()
	s.queue = append(s.queue, group...)
	s.mu.Unlock()
	s.wakeWriter()
	for i, r := range group {
		<-r.done
		if big := i == 1; big != errors.Is(r.err, ErrFull) || !big && r.err != nil {
			t.Errorf("commit %d: %v", i, r.err)
		}
	}
	if s.Revision() != 2 || group[2].result != 2 {
		t.Errorf("revision %d, the last commit got %d; want 2", s.Revision(), group[2].result)
	}
}

func TestReadOnlyDisk(t *testing.T) {
	if !again(t, ownMounts) {
		return
	}
	dir := smallDisk(t, "1m")
	path := filepath.Join(dir, "s")
	s := open(t, path)
	mustCommit(t, s, set("k", "a", `1`))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	for range 2 {
		_, err := s.Commit(t.Context(), Commit{Epoch: 1 << 40, Changes: []Change{set("k", "b", `1`)}})
		if !errors.Is(err, ErrReadOnly) {
			t.Errorf("commit to a read-only disk = %v, want ErrReadOnly", err)
		}
		if got := ids(t, s, "k"); !cmp.Equal(got, []string{"a"}) || s.Revision() != 1 {
			t.Errorf("objects = %q at revision %d, want a at 1", got, s.Revision())
		}
	}
	if _, err := Open(filepath.Join(dir, "new")); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Open of a new store on a read-only disk = %v, want ErrReadOnly", err)
	}
}

func TestStrangeFilesAreLeftAsTheyAre(t *testing.T) {
	whole := func(t *testing.T) []byte {
		path := filepath.Join(t.TempDir(), "s")
		s := open(t, path)
		for i := range 50 {
			mustCommit(t, s, set("k", fmt.Sprint(i), `"`+strings.Repeat("x", 1000)+`"`))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, tc := range []struct {
		name string
		make func(t *testing.T) []byte
		want error
	}{
		{"garbage", func(t *testing.T) []byte { return bytes.Repeat([]byte("garbage "), 1000) }, ErrCorrupt},
		{"one byte", func(t *testing.T) []byte { return []byte("S") }, ErrCorrupt},
		{"half a store", func(t *testing.T) []byte { b := whole(t); return b[:len(b)/2] }, ErrCorrupt},
		{"header only", func(t *testing.T) []byte { return whole(t)[:100] }, ErrCorrupt},
		{"garbage after the header", func(t *testing.T) []byte {
			b := whole(t)
			copy(b[100:], bytes.Repeat([]byte("garbage "), (len(b)-100)/8))
			return b
		}, ErrCorrupt},
		{"newer", func(t *testing.T) []byte {
			b := whole(t)
			binary.BigEndian.PutUint32(b[60:], schemaVersion+1)
			return b
		}, ErrNewer},
		{"SQLite file of another program", func(t *testing.T) []byte {
			path := filepath.Join(t.TempDir(), "other")
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = db.Exec(`CREATE TABLE meta (epoch, revision)`)
			if err = errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}, ErrCorrupt},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			want := tc.make(t)
			if err := os.WriteFile(path, want, 0o600); err != nil {
				t.Fatal(err)
			}
			if s, err := Open(path); !errors.Is(err, tc.want) {
				t.Errorf("Open = %v, %v, want %v", s, err, tc.want)
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

func TestOpeningDoesNotWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	s := open(t, path)
	mustCommit(t, s, set("k", "a", `1`))
	s.Close()
	state := func() string {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(info.ModTime(), b)
	}
	before := state()
	s = open(t, path)
	ids(t, s, "k")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if state() != before {
		t.Error("opening, reading and closing changed the file")
	}
}

// TestKill kills a process that commits, again and again, and finds every
// commit that it reported as done.
func TestKill(t *testing.T) {
	if path := os.Getenv("STORE_TEST_KILL"); path != "" {
		commitForever(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "s")
	acknowledged := map[string]bool{}
	for round := range 5 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), "STORE_TEST_KILL="+path, fmt.Sprintf("STORE_TEST_ROUND=%d", round))
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			id, ok := strings.CutPrefix(lines.Text(), "done ")
			if !ok {
				t.Fatalf("the process says %q", lines.Text())
			}
			acknowledged[id] = true
			if n == 100+round*37 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the process ended by itself")
		}
		s := open(t, path)
		found := map[string]bool{}
		for _, id := range ids(t, s, "k") {
			found[id] = true
		}
		for id := range acknowledged {
			if !found[id] {
				t.Errorf("round %d: %s was acknowledged and is lost", round, id)
			}
		}
		// One object a commit: the log has each revision once, without a gap.
		log, err := s.Log(t.Context(), 0, 1<<30)
		if err != nil || uint64(len(log)) != s.Revision() || len(log) != len(found) {
			t.Errorf("round %d: log of %d, revision %d, objects %d (%v)", round, len(log), s.Revision(), len(found), err)
		}
		if round%2 == 0 { // else the next process recovers the log
			s.Close()
		}
	}
	if len(acknowledged) < 500 {
		t.Errorf("only %d commits were acknowledged", len(acknowledged))
	}
}

func commitForever(t *testing.T, path string) {
	s := open(t, path)
	done := make(chan string)
	for worker := range 4 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%s-%d-%d", os.Getenv("STORE_TEST_ROUND"), worker, i)
				mustCommit(t, s, set("k", id, `{"some": "value"}`))
				done <- id
			}
		}()
	}
	for id := range done {
		os.Stdout.WriteString("done " + id + "\n")
	}
}
