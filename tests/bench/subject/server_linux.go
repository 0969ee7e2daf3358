// Package subject runs the program that a benchmark measures, and reads what
// its processes use.
package subject

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	readyLimit = 20 * time.Second
	stopLimit  = time.Minute

	// Ports that the kernel does not pick by itself.
	firstAPIPort, lastAPIPort = 17000, 17999
	consolePorts              = "20000-29999"
	udpPorts                  = "10000-16999"
)

// Build makes the program from the source in the current folder, in folder.
func Build(ctx context.Context, folder string) (program string, err error) {
	program = filepath.Join(folder, "lanyard")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/lanyard")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build lanyard (run this in the repository's folder): %w\n%s", err, out)
	}
	return program, nil
}

// Server is a running lanyard serve, which listens on loopback. Safe for
// concurrent use but for Stop.
type Server struct {
	Base  string        // URL
	Data  string        // folder of its data
	Ready time.Duration // from exec to the first answer

	cmd   *exec.Cmd
	log   bytes.Buffer // of the process; read it after the end only
	http  *http.Client
	ended chan struct{} // closed when the process has ended
}

// Start runs a program as a server with a data folder of its own, and waits until
// it answers. The data folder is in folder; connections are how many clients it
// shall have at a time.
func Start(ctx context.Context, program, folder string, connections int) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp(folder, "data-")
	if err != nil {
		return nil, err
	}
	s := &Server{Data: data, Base: fmt.Sprintf("http://127.0.0.1:%d", port), ended: make(chan struct{})}
	s.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}}
	s.cmd = exec.Command(program, "serve", "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--data-dir", data,
		"--console-ports", consolePorts, "--udp-ports", udpPorts, "--log-level", "warn")
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for us to hand on
	begin := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start the server: %w", err)
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	if err := s.waitReady(ctx, begin); err != nil {
		s.Stop()
		return nil, fmt.Errorf("%w; it logged: %s", err, s.log.String())
	}
	return s, nil
}

func (s *Server) waitReady(ctx context.Context, begin time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if err := s.Call(ctx, http.MethodGet, "/v2/version", nil, nil); err == nil {
			s.Ready = time.Since(begin)
			return nil
		}
		select {
		case <-tick.C:
		case <-s.ended:
			return fmt.Errorf("the server ended at once")
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w", ctx.Err())
		}
	}
}

// Stop ends the server with its labs, as Ctrl-C does, and makes sure that no
// process of it is left.
func (s *Server) Stop() {
	s.http.CloseIdleConnections()
	_ = s.cmd.Process.Signal(os.Interrupt)
	select {
	case <-s.ended:
	case <-time.After(stopLimit):
		fmt.Fprintln(os.Stderr, "bench: the server does not end and is killed")
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
	for _, pid := range Processes(Saying(s.Data)) {
		fmt.Fprintf(os.Stderr, "bench: process %d was left and is killed\n", pid)
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

// PID is the id of the server's process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Runner finds the process that holds a project.
func (s *Server) Runner(project string) (int, error) {
	pids := Processes(func(pid int) bool { return Saying(s.Data)(pid) && Saying(project)(pid) })
	if len(pids) != 1 {
		return 0, fmt.Errorf("cannot find the runner of project %s: there are %d", project, len(pids))
	}
	return pids[0], nil
}

// Call sends in, if any, and decodes a good answer into out, unless it is nil.
func (s *Server) Call(ctx context.Context, method, path string, in, out any) error {
	text, err := s.Send(ctx, method, path, in)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// Send is Call without decoding.
func (s *Server) Send(ctx context.Context, method, path string, in any) ([]byte, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	answer, err := s.Stream(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	return io.ReadAll(answer)
}

// Stream sends what body, if any, has and returns a good answer's body, which
// the caller closes.
func (s *Server) Stream(ctx context.Context, method, path string, body io.Reader) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.Base+path, body)
	if err != nil {
		return nil, err
	}
	answer, err := s.http.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode < http.StatusBadRequest {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1000))
	return nil, errors.Join(fmt.Errorf("%s %s answers %s: %s", method, path, answer.Status, text), err)
}

// freePort finds a TCP port of loopback that nobody has.
func freePort() (int, error) {
	for port := firstAPIPort; port <= lastAPIPort; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("cannot find a free port from %d to %d", firstAPIPort, lastAPIPort)
}
