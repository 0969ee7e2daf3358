package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
)

const shutdownHelp = `Asks a running server to stop all labs and itself, and waits until it has.

usage: lanyard shutdown [options]

  --server URL
      the server (default: $LANYARD_SERVER or http://127.0.0.1:3080)
  --user NAME
      user, where one is needed (default: $LANYARD_USER)
  --password TEXT
      the user's password (default: $LANYARD_PASSWORD, which others do not see)
  --ca FILE
      trust the certificate in FILE, such as tls/cert.pem in the data folder

example:
  lanyard shutdown --server http://127.0.0.1:8000
`

// client talks to a running server.
type client struct {
	http           *http.Client
	server         string // without a slash at the end
	user, password string
}

// shutdownMain asks a server to end.
func shutdownMain(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := newClient(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = io.WriteString(stdout, shutdownHelp)
		return 0
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "lanyard shutdown: %s\n", err)
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(ctx, shutdownLimit+drainLimit)
	defer cancel()
	if err := c.shutdown(ctx); err != nil {
		_, _ = fmt.Fprintf(stderr, "lanyard shutdown: %s\n", err)
		return exitFailed
	}
	return 0
}

func newClient(args []string) (*client, error) {
	flags := flag.NewFlagSet("lanyard shutdown", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	server := flags.String("server", cmp.Or(os.Getenv("LANYARD_SERVER"), "http://127.0.0.1:3080"), "")
	user := flags.String("user", os.Getenv("LANYARD_USER"), "")
	password := flags.String("password", os.Getenv("LANYARD_PASSWORD"), "")
	ca := flags.String("ca", "", "")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("cannot understand %q", flags.Arg(0))
	}
	u, err := url.Parse(*server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("cannot use the server %q: it is not a URL such as http://127.0.0.1:3080", *server)
	}
	c := &client{server: strings.TrimSuffix(*server, "/"), user: *user, password: *password, http: &http.Client{}}
	if *ca != "" {
		if c.http.Transport, err = trusting(*ca); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// trusting makes a transport that trusts the certificates in a file.
func trusting(file string) (http.RoundTripper, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the certificate to trust: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("cannot trust the certificate in %s: there is none in PEM form", file)
	}
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}, nil
}

// shutdown asks, and follows the server's events until they end.
func (c *client) shutdown(ctx context.Context) error {
	events, err := c.do(ctx, http.MethodGet, "/v2/notifications")
	if err != nil {
		return err
	}
	defer events.Close()
	answer, err := c.do(ctx, http.MethodPost, "/v2/shutdown")
	if err != nil {
		return err
	}
	_ = answer.Close()
	if _, err := io.Copy(io.Discard, events); ctx.Err() != nil {
		return errors.New("the server was asked to end and has not yet")
	} else if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the server was asked to end, but then the connection broke: %w", err)
	}
	return c.waitGone(ctx)
}

// waitGone waits until nobody listens any more. A server that ends accepts
// nothing, but gives up its address only when all else is done.
func (c *client) waitGone(ctx context.Context) error {
	u, err := url.Parse(c.server)
	if err != nil {
		return err
	}
	port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
		if ctx.Err() != nil {
			return errors.New("the server was asked to end and has not yet")
		}
		if err != nil {
			return nil
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		_, _ = conn.Read(make([]byte, 1)) // ends with the server
		stop()
		_ = conn.Close()
	}
}

// do sends a request and returns the body of a good answer.
func (c *client) do(ctx context.Context, method, path string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.server+path, nil)
	if err != nil {
		return nil, err
	}
	if c.user != "" {
		request.SetBasicAuth(c.user, c.password)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		err = fmt.Errorf("cannot reach the server at %s: %w", c.server, errors.Unwrap(err))
		if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
			err = fmt.Errorf("%w\nA certificate that the server has made itself is in its data folder: lanyard shutdown --server %s --ca DATA/tls/cert.pem", err, c.server)
		}
		return nil, err
	}
	if answer.StatusCode < http.StatusBadRequest {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	var problem struct{ Message string }
	if err := json.NewDecoder(io.LimitReader(answer.Body, 64<<10)).Decode(&problem); err != nil || problem.Message == "" {
		problem.Message = answer.Status
	}
	return nil, fmt.Errorf("the server at %s refused: %s", c.server, problem.Message)
}
