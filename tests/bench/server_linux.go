package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
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

// server is a running lanyard serve.
type server struct {
	cmd   *exec.Cmd
	log   bytes.Buffer // of the process; read it after the end only
	data  string
	base  string // URL
	http  *http.Client
	ready time.Duration // from exec to the first answer
	ended chan struct{} // closed when the process has ended
}

// startServer starts a server with a data folder of its own, and waits until
// it answers.
func (b *bench) startServer(ctx context.Context) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp(b.folder, "data-")
	if err != nil {
		return nil, err
	}
	s := &server{data: data, base: fmt.Sprintf("http://127.0.0.1:%d", port), ended: make(chan struct{})}
	s.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers, DisableCompression: true}}
	s.cmd = exec.Command(b.binary, "serve", "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--data-dir", data,
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
		s.stop()
		return nil, fmt.Errorf("%w; it logged: %s", err, s.log.String())
	}
	return s, nil
}

func (s *server) waitReady(ctx context.Context, begin time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if err := s.call(ctx, http.MethodGet, "/v2/version", nil, nil); err == nil {
			s.ready = time.Since(begin)
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

// stop ends the server with its labs, as Ctrl-C does, and makes sure that no
// process of it is left.
func (s *server) stop() {
	s.http.CloseIdleConnections()
	_ = s.cmd.Process.Signal(os.Interrupt)
	select {
	case <-s.ended:
	case <-time.After(stopLimit):
		fmt.Fprintln(os.Stderr, "bench: the server does not end and is killed")
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
	for _, pid := range processes(saying(s.data)) {
		fmt.Fprintf(os.Stderr, "bench: process %d was left and is killed\n", pid)
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

// runner finds the process that holds a project.
func (s *server) runner(project string) (int, error) {
	pids := processes(func(pid int) bool { return saying(s.data)(pid) && saying(project)(pid) })
	if len(pids) != 1 {
		return 0, fmt.Errorf("cannot find the runner of project %s: there are %d", project, len(pids))
	}
	return pids[0], nil
}

// call sends in, if any, and decodes a good answer into out, unless it is nil.
func (s *server) call(ctx context.Context, method, path string, in, out any) error {
	text, err := s.send(ctx, method, path, in)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// send is call without decoding.
func (s *server) send(ctx context.Context, method, path string, in any) ([]byte, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	request, err := http.NewRequestWithContext(ctx, method, s.base+path, body)
	if err != nil {
		return nil, err
	}
	answer, err := s.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= http.StatusBadRequest {
		return nil, fmt.Errorf("%s %s answers %s: %s", method, path, answer.Status, text)
	}
	return text, nil
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
