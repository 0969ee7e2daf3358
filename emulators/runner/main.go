package runner

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
)

// readyFile is the number of the inherited file that a runner writes "ready"
// to, once it listens.
const readyFile = 3

// Options are what the command line of a runner says.
type Options struct {
	Project string
	Dir     Dir
	Version string
	VPCS    string // path of a real vpcs, or empty
}

func parse(args []string, errors io.Writer) (Options, error) {
	var o Options
	flags := flag.NewFlagSet("lanyard runner", flag.ContinueOnError)
	flags.SetOutput(errors)
	flags.StringVar(&o.Project, "project", "", "id of the project")
	flags.StringVar((*string)(&o.Dir), "dir", "", "run directory")
	flags.StringVar(&o.Version, "version", "", "version to report")
	flags.StringVar(&o.VPCS, "vpcs", "", "path of a real vpcs")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.Project == "" || o.Dir == "" {
		return o, fmt.Errorf("cannot run: -project and -dir are needed; a runner is started by lanyard serve")
	}
	return o, nil
}

func (o Options) args() []string {
	return []string{"-project", o.Project, "-dir", string(o.Dir), "-version", o.Version, "-vpcs", o.VPCS}
}

// Main is the runner process: it serves one project until it is told to shut
// down, and returns the exit code. It must be called on the main goroutine.
func Main(args []string, makeEmulators func(Options) map[string]emulators.Emulator) int {
	options, err := parse(args, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(options, makeEmulators(options), log); err != nil {
		log.Error("runner failed", "err", err)
		return 1
	}
	return 0
}

func run(o Options, emulators map[string]emulators.Emulator, log *slog.Logger) error {
	lock, err := o.Dir.take()
	if err != nil {
		return err
	}
	defer lock.Close()
	listener, err := o.Dir.listen()
	if err != nil {
		return fmt.Errorf("cannot listen in %s: %w", o.Dir, err)
	}
	spawner := newSpawner()
	r := New(Config{Project: o.Project, Version: o.Version, Emulators: emulators, Spawn: spawner.spawn, Log: log})
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT)
	stop := func() {
		select {
		case asked <- syscall.SIGTERM:
		default: // already asked
		}
	}
	server := &http.Server{Handler: r.handler(stop), ReadHeaderTimeout: quickLimit, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("runner cannot serve", "err", err)
			stop()
		}
	}()
	go func() {
		<-asked
		r.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		server.Shutdown(ctx) // lets the answer to /shutdown out
		os.Remove(o.Dir.socket())
		spawner.close()
	}()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go tidy(ctx)
	announce()
	log.Info("runner serves", "project", o.Project, "pid", os.Getpid(), "at", time.Now().UTC())
	spawner.run()
	return nil
}

// announce tells the parent that the runner listens. A runner that a person
// started has no such file.
func announce() {
	f := os.NewFile(readyFile, "ready")
	if info, err := f.Stat(); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
		io.WriteString(f, "ready")
	}
	f.Close()
}
