package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"github.com/lanyard-lab/lanyard/tests/bench/report"
	"github.com/lanyard-lab/lanyard/tests/bench/subject"
)

const (
	bigFiles     = 16 // of the large project
	snapshotRuns = 3
	memoryOver   = 100 // MiB
)

// archives measures what is done with a project as a whole.
func (b *bench) archives(ctx context.Context, s *subject.Server) error {
	l, err := newLab(ctx, s, "big")
	if err != nil {
		return err
	}
	if _, err := l.node(ctx, "PC1", "vpcs", nil); err != nil {
		return err
	}
	if err := b.upload(ctx, l); err != nil {
		return err
	}
	for _, step := range []func(context.Context, *lab) error{b.exportImport, b.snapshots} {
		if err := step(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) sized(what string) string {
	return fmt.Sprintf("%s of a project of %d MiB", what, b.size>>20)
}

// within tells how long f took and how much memory the server had at most while
// it ran, over what it had before.
func (b *bench) within(s *subject.Server, what string, f func() error) error {
	base, err := subject.RSS(s.PID())
	if err != nil {
		return err
	}
	if err := subject.ForgetPeak(s.PID()); err != nil {
		return err
	}
	took, err := timed(f)
	if err != nil {
		return err
	}
	peak, err := subject.PeakRSS(s.PID())
	if err != nil {
		return err
	}
	rate := float64(b.size) / (1 << 20) / (took / 1000)
	b.table.Tell(what, fmt.Sprintf("%s s, %s MiB/s", report.Number(took/1000), report.Number(rate)))
	b.table.AtMost(what+": RSS of the server over base", max(0, peak-base)/1024, memoryOver, "MiB")
	return nil
}

// upload gives the project files of noise, which no compression makes smaller.
func (b *bench) upload(ctx context.Context, l *lab) error {
	return b.within(l.server, b.sized("upload of the files"), func() error {
		for i := range bigFiles {
			noise := io.LimitReader(rand.NewChaCha8([32]byte{byte(i)}), b.size/bigFiles)
			path := fmt.Sprintf("%s/files/project-files/noise/%d.bin", l.path, i)
			answer, err := l.server.Stream(ctx, http.MethodPost, path, noise)
			if err != nil {
				return err
			}
			if err := answer.Close(); err != nil {
				return err
			}
		}
		return nil
	})
}

// exportImport writes the project to an archive, and makes another of that.
func (b *bench) exportImport(ctx context.Context, l *lab) error {
	archive := filepath.Join(b.folder, "big.gns3project")
	defer os.Remove(archive)
	for _, query := range []string{"?compression=none", ""} {
		name := b.sized("export")
		if query != "" {
			name += ", " + query[1:]
		}
		if err := b.within(l.server, name, func() error { return l.export(ctx, query, archive) }); err != nil {
			return err
		}
	}
	if info, err := os.Stat(archive); err != nil || info.Size() < b.size {
		return fmt.Errorf("the archive has %v, which is less than what was put in: %w", info, err)
	}
	imported := "/v2/projects/" + uuid.NewString()
	err := b.within(l.server, b.sized("import"), func() error {
		f, err := os.Open(archive)
		if err != nil {
			return err
		}
		defer f.Close()
		answer, err := l.server.Stream(ctx, http.MethodPost, imported+"/import?name=imported", f)
		if err != nil {
			return err
		}
		return answer.Close()
	})
	if err != nil {
		return err
	}
	return l.server.Call(ctx, http.MethodDelete, imported, nil, nil)
}

// export writes the archive to a file.
func (l *lab) export(ctx context.Context, query, path string) error {
	answer, err := l.server.Stream(ctx, http.MethodGet, l.path+"/export"+query, nil)
	if err != nil {
		return err
	}
	defer answer.Close()
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(f, answer)
	return err
}

// snapshots are taken in turns with cp of the same files, which is made durable
// as an answer of the API is.
func (b *bench) snapshots(ctx context.Context, l *lab) error {
	var ours, theirs []float64
	for run := range snapshotRuns {
		var snapshot struct {
			SnapshotID string `json:"snapshot_id"`
		}
		took, err := timed(func() error {
			return l.server.Call(ctx, http.MethodPost, l.path+"/snapshots", map[string]any{"name": fmt.Sprint("s", run)}, &snapshot)
		})
		if err != nil {
			return err
		}
		ours = append(ours, took/1000)
		if err := l.server.Call(ctx, http.MethodDelete, l.path+"/snapshots/"+snapshot.SnapshotID, nil, nil); err != nil {
			return err
		}
		if took, err = b.copy(ctx, filepath.Join(l.folder, "project-files")); err != nil {
			return err
		}
		theirs = append(theirs, took/1000)
	}
	name := fmt.Sprintf("%s, median of %d", b.sized("snapshot"), snapshotRuns)
	b.table.Tell(name+": cp of its files, and sync", report.Number(report.Median(theirs))+" s")
	if canClone(l.folder) {
		b.table.AtMost(name+", by reflink", report.Median(ours), 1, "s")
		return nil
	}
	b.table.Tell(name+", no reflink here", report.Number(report.Median(ours))+" s")
	b.table.AtMost(name+": snapshot / cp", report.Median(ours)/report.Median(theirs), 1.2, "times")
	return nil
}

// copy copies a folder with cp and waits for the disk, and tells how many
// milliseconds that took.
func (b *bench) copy(ctx context.Context, folder string) (float64, error) {
	copied := filepath.Join(b.folder, "copy")
	defer os.RemoveAll(copied)
	return timed(func() error {
		if out, err := exec.CommandContext(ctx, "cp", "-r", folder, copied).CombinedOutput(); err != nil {
			return fmt.Errorf("cannot run cp: %w: %s", err, out)
		}
		f, err := os.Open(copied)
		if err != nil {
			return err
		}
		defer f.Close()
		return unix.Syncfs(int(f.Fd()))
	})
}

// canClone reports whether files in a folder can share their content.
func canClone(folder string) bool {
	from, err := os.CreateTemp(folder, ".clone-")
	if err != nil {
		return false
	}
	defer os.Remove(from.Name())
	defer from.Close()
	to, err := os.CreateTemp(folder, ".clone-")
	if err != nil {
		return false
	}
	defer os.Remove(to.Name())
	defer to.Close()
	if _, err := from.Write(make([]byte, 4096)); err != nil {
		return false
	}
	return unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) == nil
}
