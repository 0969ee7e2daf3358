package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api"
)

// gns3Port is where clients look for a server; no console gets it.
const gns3Port = 3080

// serveMain runs the server.
func serveMain(_ context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := loadConfig(args, os.Getenv)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = io.WriteString(stdout, settingsHelp())
		return 0
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "lanyard serve: %s\n(\"lanyard serve --help\" lists the settings)\n", err)
		return exitUsage
	}
	// A terminal or a pipe that goes away must not take the server with it.
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	if err := serve(c, signals, stdout, stderr); err != nil {
		_, _ = fmt.Fprintf(stderr, "lanyard serve: %s\n", err)
		return exitFailed
	}
	return 0
}

// serve runs the server until a signal or a request ends it.
func serve(c config, signals <-chan os.Signal, stdout, stderr io.Writer) error {
	log, publish := newLog(stderr, c)
	listener, err := listen(c)
	if err != nil {
		return err
	}
	defer listener.Close()
	address := listener.Addr().(*net.TCPAddr)
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find the program's own file, to start runners: %w", err)
	}
	ctl, err := controller.Open(context.Background(), controller.Config{
		DataDir: c.dataDir, Runner: []string{self, "runner"}, Version: c.apiVersion,
		ConsoleHost: c.consoleHost, ConsolePorts: c.consolePorts, UDPPorts: c.udpPorts, Endpoint: c.endpoint(address),
		ReservedPorts: []int{gns3Port, address.Port}, VPCSPath: c.vpcsPath, Log: log,
	})
	if err != nil {
		return err
	}
	publish(ctl.Events())
	certificate, err := tlsConfig(c, address.IP)
	if err != nil {
		return errors.Join(err, ctl.Close())
	}
	asked := make(chan struct{})
	handler := api.New(ctl, api.Config{
		Version: c.apiVersion, Release: release, Listen: []string{c.listen}, Hosts: c.allowedHosts, User: c.user, Password: c.password,
		WebUI: c.webUI, Shutdown: sync.OnceFunc(func() { close(asked) }), Log: log,
	})
	s := startServer(listener, handler, certificate, log)
	url := baseURL(c.endpoint(address))
	log.Info("lanyard serves", "url", url, "data", c.dataDir, "version", release, "pid", os.Getpid())
	warn(c, log)
	if c.hints {
		_, _ = io.WriteString(stdout, hints(c, url))
	}
	return end(s, ctl, log, signals, asked)
}

// end waits for the reason to end, and ends the server.
func end(s *server, ctl *controller.Controller, log *slog.Logger, signals <-chan os.Signal, asked <-chan struct{}) error {
	keepLabs := false
	select {
	case err := <-s.failed:
		return errors.Join(fmt.Errorf("cannot serve: %w", err), ctl.Close())
	case <-asked:
		log.Info("lanyard was asked to shut down: labs are being stopped")
	case signal := <-signals:
		if keepLabs = signal != syscall.SIGINT; keepLabs {
			log.Info("lanyard ends, and labs go on", "signal", signal.String())
		} else {
			log.Info("lanyard is interrupted: labs are being stopped; once more ends it at once")
		}
	}
	go func() {
		for signal := range signals {
			if signal == syscall.SIGINT {
				os.Exit(130)
			}
		}
	}()
	if keepLabs {
		s.close()
		return ctl.Close()
	}
	// Listeners hear of the labs' end; nothing new is accepted meanwhile.
	s.closeListener()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownLimit)
	defer cancel()
	err := ctl.Shutdown(ctx)
	s.close()
	return err
}

// warn tells of settings that are allowed and yet may surprise.
func warn(c config, log *slog.Logger) {
	if host, _, err := net.SplitHostPort(c.listen); err == nil && c.user != "" && !c.https() && !loopback(host) {
		log.Warn("passwords cross the network in the clear: set tls-cert and tls-key, or tls-self-signed", "listen", c.listen)
	}
	if !loopback(c.consoleHost) {
		log.Warn("everybody who reaches this machine can use the consoles, which ask for no password", "console_host", c.consoleHost)
	}
	if c.vpcsPath != "" {
		if _, err := exec.LookPath(c.vpcsPath); err != nil {
			log.Warn("the vpcs of the settings cannot be run, and so no node that needs it", "vpcs_path", c.vpcsPath, "err", err)
		}
	}
}

func loopback(host string) bool {
	address, err := net.ResolveIPAddr("ip", host)
	return err == nil && address.IP.IsLoopback()
}

// hints tell a newcomer what to type next.
func hints(c config, url string) string {
	curl := "curl"
	if c.selfSigned {
		curl += " --cacert " + c.dataDir + "/tls/cert.pem"
	}
	if c.user != "" {
		curl += " -u " + c.user
	}
	return fmt.Sprintf(`
Lanyard serves on %[2]s. In another terminal, try:

  %[1]s %[2]s/v2/version
  %[1]s -X POST %[2]s/v2/projects -d '{"name": "test"}'
  %[1]s -X POST %[2]s/v2/projects/PROJECT_ID/vms -d '{"name": "PC1", "vm_type": "vpcs"}'
  %[1]s -X POST %[2]s/v2/projects/PROJECT_ID/vms/VM_ID/start
  telnet 127.0.0.1 CONSOLE

Ctrl-C stops the labs and the server.

`, curl, url)
}
