package runner

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

func withoutCancel(q *http.Request) context.Context { return context.WithoutCancel(q.Context()) }

// Limits of how long a runner may take to answer.
const (
	quickLimit = 20 * time.Second
	actLimit   = startLimit + 2*stopLimit
)

// ErrEventsGone says that events since the number asked for are not known any
// more: read the inventory.
var ErrEventsGone = errors.New("the runner's events are gone")

// Client drives a runner. Safe for concurrent use. Its errors are *Error when
// the runner refused; with any other error the outcome is unknown: ask the
// Inventory.
type Client struct {
	dir   Dir
	epoch string
	http  *http.Client
}

// NewClient makes a client of the runner in dir for a server with this epoch.
func NewClient(dir Dir, epoch uint64) *Client {
	transport := &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return dir.dial(ctx) },
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     30 * time.Second,
	}
	return &Client{dir: dir, epoch: strconv.FormatUint(epoch, 10), http: &http.Client{Transport: transport}}
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func (c *Client) request(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("internal error: %T does not encode: %w", body, err)
		}
		r = bytes.NewReader(b)
	}
	q, err := http.NewRequestWithContext(ctx, method, "http://runner"+path, r)
	if err != nil {
		return nil, err
	}
	q.Header.Set(EpochHeader, c.epoch)
	resp, err := c.http.Do(q)
	if err != nil {
		return nil, fmt.Errorf("the runner does not answer: %w", err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	e := &Error{}
	if err := json.NewDecoder(resp.Body).Decode(e); err != nil || e.Status == 0 {
		return nil, fmt.Errorf("the runner answers %s", resp.Status)
	}
	return nil, e
}

func (c *Client) call(ctx context.Context, limit time.Duration, method, path string, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	resp, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if answer == nil {
		io.Copy(io.Discard, resp.Body) // so that the connection is used again
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		return fmt.Errorf("the runner's answer is cut off: %w", err)
	}
	return nil
}

// Inventory tells what exists.
func (c *Client) Inventory(ctx context.Context) (Inventory, error) {
	var inv Inventory
	err := c.call(ctx, quickLimit, http.MethodGet, "/inventory", nil, &inv)
	return inv, err
}

// Apply makes everything as wanted and removes the rest.
func (c *Client) Apply(ctx context.Context, w Wanted) (Applied, error) {
	var a Applied
	err := c.call(ctx, actLimit, http.MethodPut, "/wanted", w, &a)
	return a, err
}

// PutSettings changes what holds for all links.
func (c *Client) PutSettings(ctx context.Context, s Settings) error {
	return c.call(ctx, quickLimit, http.MethodPut, "/settings", s, nil)
}

// PutNode makes a node exist as defined.
func (c *Client) PutNode(ctx context.Context, n Node) (NodeState, error) {
	var s NodeState
	err := c.call(ctx, quickLimit, http.MethodPut, "/nodes/"+url.PathEscape(n.ID), n, &s)
	return s, err
}

// DeleteNode stops and removes a node; one that does not exist is fine.
func (c *Client) DeleteNode(ctx context.Context, id string) error {
	return c.call(ctx, actLimit, http.MethodDelete, "/nodes/"+url.PathEscape(id), nil, nil)
}

// PutLink makes a link exist as defined. One that cannot be made so stays as it
// was.
func (c *Client) PutLink(ctx context.Context, l Link) (LinkState, error) {
	var s LinkState
	err := c.call(ctx, quickLimit, http.MethodPut, "/links/"+url.PathEscape(l.ID), l, &s)
	return s, err
}

// DeleteLink removes a link; one that does not exist is fine.
func (c *Client) DeleteLink(ctx context.Context, id string) error {
	return c.call(ctx, quickLimit, http.MethodDelete, "/links/"+url.PathEscape(id), nil, nil)
}

// TestLink sends probe frames through a link and tells which hop fails.
func (c *Client) TestLink(ctx context.Context, id string) (LinkTest, error) {
	var t LinkTest
	err := c.call(ctx, quickLimit, http.MethodPost, "/links/"+url.PathEscape(id)+"/test", struct{}{}, &t)
	return t, err
}

// Follow streams the file of a link's capture: what it has, and then what
// comes, until the capture or ctx ends. The caller closes it.
func (c *Client) Follow(ctx context.Context, id string) (io.ReadCloser, error) {
	return c.stream(ctx, "/links/"+url.PathEscape(id)+"/pcap")
}

// Listen streams frames of a link without a file; see Listening. The caller
// closes it.
func (c *Client) Listen(ctx context.Context, id string, l Listening) (io.ReadCloser, error) {
	return c.stream(ctx, "/links/"+url.PathEscape(id)+"/capture?"+l.query().Encode())
}

func (c *Client) stream(ctx context.Context, path string) (io.ReadCloser, error) {
	resp, err := c.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// Telemetry tells all counters.
func (c *Client) Telemetry(ctx context.Context) (Telemetry, error) {
	var t Telemetry
	err := c.call(ctx, quickLimit, http.MethodGet, "/telemetry", nil, &t)
	return t, err
}

// Watch calls f with the counters that have changed, once an interval, until
// the runner or ctx ends. The first call has all of them.
func (c *Client) Watch(ctx context.Context, interval time.Duration, f func(Telemetry) error) error {
	body, err := c.stream(ctx, "/telemetry?interval="+interval.String())
	if err != nil {
		return err
	}
	defer body.Close()
	decoder := json.NewDecoder(body)
	for {
		var t Telemetry
		if err := decoder.Decode(&t); err != nil {
			return fmt.Errorf("the runner's telemetry ended: %w", err)
		}
		if err := f(t); err != nil {
			return err
		}
	}
}

// Freeze writes what the links recorded to a file; reason is kept with it.
func (c *Client) Freeze(ctx context.Context, reason string) (Frozen, error) {
	var f Frozen
	err := c.call(ctx, actLimit, http.MethodPost, "/freeze", Frozen{Reason: reason}, &f)
	return f, err
}

// Act carries an action out on nodes, on all of them when ids is nil, and
// tells the outcome for each.
func (c *Client) Act(ctx context.Context, a Action, ids []string) ([]ActResult, error) {
	var results []ActResult
	err := c.call(ctx, actLimit, http.MethodPost, "/act", ActRequest{Action: a, Nodes: ids}, &results)
	return results, err
}

// Shutdown asks the runner to stop everything and end.
func (c *Client) Shutdown(ctx context.Context) error {
	return c.call(ctx, quickLimit, http.MethodPost, "/shutdown", struct{}{}, nil)
}

// Events calls f with each event after number since until the stream or ctx
// ends. ErrEventsGone when they are not all known.
func (c *Client) Events(ctx context.Context, since uint64, f func(Event)) error {
	resp, err := c.request(ctx, http.MethodGet, "/events?since="+strconv.FormatUint(since, 10), nil)
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusGone {
		return ErrEventsGone
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	decoder := json.NewDecoder(resp.Body)
	for {
		var e Event
		if err := decoder.Decode(&e); err != nil {
			return fmt.Errorf("the runner's events ended: %w", err)
		}
		f(e)
	}
}

// Console opens the raw byte stream of a node's console.
func (c *Client) Console(ctx context.Context, id string) (io.ReadWriteCloser, error) {
	ctx, cancel := context.WithTimeout(ctx, quickLimit)
	defer cancel()
	conn, err := c.dir.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("the runner does not answer: %w", err)
	}
	q, err := http.NewRequest(http.MethodGet, "http://runner/nodes/"+url.PathEscape(id)+"/console", nil)
	if err != nil {
		conn.Close()
		return nil, err
	}
	q.Header.Set(EpochHeader, c.epoch)
	q.Header.Set("Connection", "Upgrade")
	q.Header.Set("Upgrade", consoleProtocol)
	if err := q.Write(conn); err != nil {
		conn.Close()
		return nil, fmt.Errorf("the runner does not answer: %w", err)
	}
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, q)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("the runner does not answer: %w", err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		defer conn.Close()
		e := &Error{}
		if err := json.NewDecoder(resp.Body).Decode(e); err != nil {
			return nil, fmt.Errorf("the runner answers %s", resp.Status)
		}
		return nil, e
	}
	return &bufferedConn{Conn: conn, r: r}, nil
}
