package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

const (
	rateConnections = 16
	rateFor         = 3 * time.Second
)

// versionRate measures how many small requests a server answers that has one
// core; the clients have another one, if there is one.
func (b *bench) versionRate(ctx context.Context) error {
	cpus, err := allowedCPUs()
	if err != nil {
		return err
	}
	s, err := b.startPinned(ctx, cpus[0])
	if err != nil {
		return err
	}
	defer s.Stop()
	if len(cpus) > 1 {
		back, err := pinAll(cpus[1])
		if err != nil {
			return err
		}
		defer back()
	}
	var answers atomic.Int64
	ctx, cancel := context.WithTimeout(ctx, rateFor)
	defer cancel()
	var group errgroup.Group
	begin := time.Now()
	for range rateConnections {
		group.Go(func() error { return ask(ctx, strings.TrimPrefix(s.Base, "http://"), &answers) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	rate := float64(answers.Load()) / time.Since(begin).Seconds()
	b.table.AtLeast(fmt.Sprintf("GET /v2/version, server on one core, %d connections", rateConnections), rate, 10000, "/s")
	return nil
}

// allowedCPUs are the CPUs that this process may use, at least one.
func allowedCPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("cannot read the CPUs to use: %w", err)
	}
	var cpus []int
	for cpu := range len(set) * strconv.IntSize {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

// startPinned starts a server that has one core only, from its exec on: a
// process inherits the CPUs of the thread that makes it.
func (b *bench) startPinned(ctx context.Context, cpu int) (*server, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var old unix.CPUSet
	if err := unix.SchedGetaffinity(0, &old); err != nil {
		return nil, fmt.Errorf("cannot read the CPUs to use: %w", err)
	}
	if err := pin(0, cpu); err != nil {
		return nil, err
	}
	defer func() { _ = unix.SchedSetaffinity(0, &old) }()
	return b.startServer(ctx)
}

// pinAll moves all threads of this process to one CPU. Call back to free them.
func pinAll(cpu int) (back func(), err error) {
	var old unix.CPUSet
	if err := unix.SchedGetaffinity(0, &old); err != nil {
		return nil, fmt.Errorf("cannot read the CPUs to use: %w", err)
	}
	threads, err := threadsOf("self")
	if err != nil {
		return nil, err
	}
	for _, id := range threads {
		if err := pin(id, cpu); err != nil && !errors.Is(err, unix.ESRCH) {
			return nil, err
		}
	}
	return func() {
		threads, _ := threadsOf("self")
		for _, id := range threads {
			_ = unix.SchedSetaffinity(id, &old)
		}
	}, nil
}

// pin binds a thread, 0 being the caller's, to a CPU.
func pin(thread, cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(thread, &set); err != nil {
		return fmt.Errorf("cannot use CPU %d alone: %w", cpu, err)
	}
	return nil
}

// ask sends requests, one after the other on one connection, until ctx ends. A
// client of net/http would be slower than the server.
func ask(ctx context.Context, address string, answers *atomic.Int64) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	request := []byte("GET /v2/version HTTP/1.1\r\nHost: " + address + "\r\n\r\n")
	reader := bufio.NewReader(conn)
	for ctx.Err() == nil {
		if _, err := conn.Write(request); err != nil {
			return err
		}
		if err := readAnswer(reader); err != nil {
			return err
		}
		answers.Add(1)
	}
	return nil
}

// readAnswer reads one good answer with a Content-Length.
func readAnswer(r *bufio.Reader) error {
	status, length := 0, -1
	for {
		text, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		switch header := strings.TrimRight(string(text), "\r\n"); {
		case header == "" && status == http.StatusOK && length >= 0:
			_, err := io.CopyN(io.Discard, r, int64(length))
			return err
		case header == "":
			return fmt.Errorf("an answer of status %d and length %d", status, length)
		case status == 0:
			_, err = fmt.Sscanf(header, "HTTP/1.1 %d", &status)
		case strings.HasPrefix(header, "Content-Length:"):
			_, err = fmt.Sscanf(header, "Content-Length: %d", &length)
		}
		if err != nil {
			return fmt.Errorf("cannot understand the answer: %w", err)
		}
	}
}

// threadsOf returns the ids of the threads of a process, or of "self".
func threadsOf(process string) ([]int, error) {
	entries, err := os.ReadDir(filepath.Join("/proc", process, "task"))
	if err != nil {
		return nil, err
	}
	var ids []int
	for _, e := range entries {
		if id, err := strconv.Atoi(e.Name()); err == nil {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
