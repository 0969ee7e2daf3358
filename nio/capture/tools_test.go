package capture

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
)

var named = Options{Link: "PC1-PC2", Ends: [2]string{"PC1 Ethernet0", "PC2 Ethernet0"}}

const whoHas = "Request who-has 10.0.0.2 tell 10.0.0.1, length 28"

// writers make a capture of arp, once in each direction, in every way there is.
var writers = map[string]func(t *testing.T, o Options) []byte{
	"file":   writtenFile,
	"follow": followed,
	"stream": streamed,
	"primed": primed,
	"past": func(t *testing.T, o Options) []byte {
		var out bytes.Buffer
		if n, err := WritePast(&out, o, recorded(), time.Time{}); n != 2 || err != nil {
			t.Errorf("WritePast() = %d, %v", n, err)
		}
		return out.Bytes()
	},
	"turns": func(t *testing.T, o Options) []byte {
		o.MaxBytes, o.Files = 1, 2
		return followed(t, o)
	},
}

func writtenFile(t *testing.T, o Options) []byte {
	path := filepath.Join(t.TempDir(), "link")
	f := mustCreate(t, path, o)
	f.Frames(nio.Forth, frames(arp))
	f.Frames(nio.Back, frames(arp))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func followed(t *testing.T, o Options) []byte {
	f := mustCreate(t, filepath.Join(t.TempDir(), "link"), o)
	var got live
	done := make(chan error, 1)
	go func() { done <- f.Follow(t.Context(), &got) }()
	waitFor(t, "reader", func() bool { return len(got.bytes()) > 0 })
	f.Frames(nio.Forth, frames(arp))
	f.Frames(nio.Back, frames(arp))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return got.bytes()
}

func streamed(t *testing.T, o Options) []byte {
	s := NewStream(o)
	s.Frames(nio.Forth, frames(arp))
	s.Frames(nio.Back, frames(arp))
	return drained(t, s)
}

func primed(t *testing.T, o Options) []byte {
	r := recorded()
	s := NewStream(o)
	s.Prime(r, time.Time{}, nil)
	return drained(t, s)
}

func drained(t *testing.T, s *Stream) []byte {
	s.Close()
	var out bytes.Buffer
	if err := s.Copy(context.Background(), &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func recorded() *Recorder {
	r := NewRecorder(NewBudget(1<<20), RecorderOptions{Bytes: 1 << 20})
	r.Frames(nio.Forth, frames(arp))
	r.Frames(nio.Back, frames(arp))
	return r
}

func TestTcpdumpReadsAll(t *testing.T) {
	tcpdump := tool(t, "tcpdump")
	for name, format := range formats {
		for way, write := range writers {
			t.Run(name+" "+way, func(t *testing.T) {
				o := named
				o.Format = format
				path := filepath.Join(t.TempDir(), "capture")
				if err := os.WriteFile(path, write(t, o), 0o600); err != nil {
					t.Fatal(err)
				}
				if out := run(t, tcpdump, "-n", "-r", path); strings.Count(out, whoHas) != 2 {
					t.Errorf("tcpdump says:\n%s", out)
				}
			})
		}
	}
}

// TestTsharkReadsAll checks what the format tells beside the frames.
func TestTsharkReadsAll(t *testing.T) {
	tshark := tool(t, "tshark")
	fields := []string{"-n", "-t", "a", "-T", "fields", "-E", "separator=|", "-e", "frame.interface_name", "-e", "frame.interface_description",
		"-e", "frame.packet_flags_direction", "-e", "arp.dst.proto_ipv4"}
	for way, write := range writers {
		t.Run(way, func(t *testing.T) {
			o := named
			o.Format = PcapNG
			path := filepath.Join(t.TempDir(), "capture")
			if err := os.WriteFile(path, write(t, o), 0o600); err != nil {
				t.Fatal(err)
			}
			out := run(t, tshark, append(fields, "-r", path)...)
			for _, want := range []string{
				"PC1-PC2|PC1 Ethernet0 to PC2 Ethernet0|0x00000002|10.0.0.2\n",
				"PC1-PC2|PC1 Ethernet0 to PC2 Ethernet0|0x00000001|10.0.0.2\n",
			} {
				if strings.Count(out, want) != 1 {
					t.Errorf("tshark says:\n%s\nwant once: %s", out, want)
				}
			}
		})
	}
}

func TestTsharkReadsFrozenLinks(t *testing.T) {
	tshark := tool(t, "tshark")
	path := filepath.Join(t.TempDir(), "capture")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	links := []Recorded{{"one", [2]string{"a", "b"}, recorded()}, {"two", [2]string{"b", "c"}, recorded()}}
	if n, err := Freeze(file, links, time.Time{}, "a router died"); n != 4 || err != nil {
		t.Errorf("Freeze() = %d, %v", n, err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	out := run(t, tshark, "-n", "-r", path, "-T", "fields", "-e", "frame.interface_name")
	if out := strings.ReplaceAll(out, "\n", " "); !strings.HasSuffix(out, "one one two two ") {
		t.Errorf("tshark says %q", out)
	}
	if capinfos, err := exec.LookPath("capinfos"); err == nil {
		if out := run(t, capinfos, path); !strings.Contains(out, "a router died") {
			t.Errorf("capinfos says:\n%s", out)
		}
	}
}

// TestTsharkReadsLive gives tshark a capture that goes on.
func TestTsharkReadsLive(t *testing.T) {
	tshark := tool(t, "tshark")
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			f := mustCreate(t, filepath.Join(t.TempDir(), "link"), Options{Format: format})
			reader, writer, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			var out live
			cmd := exec.CommandContext(t.Context(), tshark, "-l", "-n", "-r", "-")
			cmd.Stdin, cmd.Stdout = reader, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- f.Follow(t.Context(), writer); writer.Close() }()
			for i := range 3 {
				f.Frames(nio.Forth, frames(arp))
				waitFor(t, "packet in tshark", func() bool {
					return strings.Count(string(out.bytes()), "Who has 10.0.0.2? Tell 10.0.0.1") == i+1
				})
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Errorf("Follow() = %v", err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("tshark: %v", err)
			}
		})
	}
}

// TestTcpdumpReadsUnfinishedFile reads a file that is being written.
func TestTcpdumpReadsUnfinishedFile(t *testing.T) {
	tcpdump := tool(t, "tcpdump")
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "link")
			f := mustCreate(t, path, Options{Format: format})
			for i := range 3 {
				f.Frames(nio.Forth, frames(arp))
				waitFor(t, "packet in the file", func() bool {
					return strings.Count(run(t, tcpdump, "-n", "-r", path), whoHas) == i+1
				})
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
