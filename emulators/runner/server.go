package runner

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/lanyard-lab/lanyard/notifications"
)

// consoleProtocol is what a console request upgrades to: raw bytes both ways.
const consoleProtocol = "lanyard-console"

// handler serves a Runner; stop is called once the runner shall end.
func (r *Runner) handler(stop func()) http.Handler {
	mux := http.NewServeMux()
	route := func(pattern string, f func(w http.ResponseWriter, q *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, q *http.Request) {
			if err := r.admitRequest(q); err != nil {
				answer(w, nil, err)
				return
			}
			v, err := f(w, q)
			answer(w, v, err)
		})
	}
	route("GET /inventory", func(http.ResponseWriter, *http.Request) (any, error) { return r.inventory(), nil })
	route("PUT /wanted", func(_ http.ResponseWriter, q *http.Request) (any, error) {
		var wanted Wanted
		if err := decode(q, &wanted); err != nil {
			return nil, err
		}
		return r.apply(wanted), nil
	})
	route("PUT /nodes/{id}", func(_ http.ResponseWriter, q *http.Request) (any, error) {
		var def Node
		if err := decode(q, &def); err != nil {
			return nil, err
		}
		return r.putNode(def)
	})
	route("DELETE /nodes/{id}", func(_ http.ResponseWriter, q *http.Request) (any, error) {
		r.deleteNode(q.PathValue("id"))
		return struct{}{}, nil
	})
	route("PUT /links/{id}", func(_ http.ResponseWriter, q *http.Request) (any, error) {
		var def Link
		if err := decode(q, &def); err != nil {
			return nil, err
		}
		return r.putLink(def)
	})
	route("POST /links/{id}/test", func(_ http.ResponseWriter, q *http.Request) (any, error) {
		return r.testLink(q.PathValue("id"))
	})
	route("PUT /settings", func(_ http.ResponseWriter, q *http.Request) (any, error) {
		var s Settings
		if err := decode(q, &s); err != nil {
			return nil, err
		}
		return struct{}{}, r.changeSettings(s)
	})
	route("POST /freeze", func(_ http.ResponseWriter, q *http.Request) (any, error) {
		var f Frozen
		if err := decode(q, &f); err != nil {
			return nil, err
		}
		return r.freeze(f.Reason)
	})
	route("DELETE /links/{id}", func(_ http.ResponseWriter, q *http.Request) (any, error) {
		r.deleteLink(q.PathValue("id"))
		return struct{}{}, nil
	})
	route("POST /act", func(_ http.ResponseWriter, q *http.Request) (any, error) {
		var act ActRequest
		if err := decode(q, &act); err != nil {
			return nil, err
		}
		// What has begun runs to its own limit, whoever hangs up.
		return r.act(withoutCancel(q), act), nil
	})
	route("POST /shutdown", func(http.ResponseWriter, *http.Request) (any, error) {
		stop()
		return struct{}{}, nil
	})
	mux.HandleFunc("GET /events", r.serveEvents)
	mux.HandleFunc("GET /nodes/{id}/console", r.serveConsole)
	mux.HandleFunc("GET /telemetry", r.serveTelemetry)
	mux.HandleFunc("GET /links/{id}/pcap", r.serveFile)
	mux.HandleFunc("GET /links/{id}/capture", r.serveFrames)
	return mux
}

func (r *Runner) admitRequest(q *http.Request) error {
	text := q.Header.Get(EpochHeader)
	if text == "" {
		return nil // a person with curl
	}
	epoch, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return refuse(http.StatusBadRequest, "the header %s must be a number, not %q", EpochHeader, text)
	}
	return r.admit(epoch)
}

func decode(q *http.Request, v any) error {
	if err := json.NewDecoder(q.Body).Decode(v); err != nil {
		return refuse(http.StatusBadRequest, "the request is no %T: %v", v, err)
	}
	return nil
}

func answer(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		e := asError(err)
		w.WriteHeader(e.Status)
		v = e
	}
	json.NewEncoder(w).Encode(v) // a client that is gone cannot be told
}

func asError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		if err == error(e) {
			return e
		}
		return &Error{Status: e.Status, Message: err.Error(), PortInUse: e.PortInUse}
	}
	return conflict("%v", err)
}

// serveEvents streams the events after ?since=N, one JSON object a line. It
// answers 410 when some of them are no longer known.
func (r *Runner) serveEvents(w http.ResponseWriter, q *http.Request) {
	if err := r.admitRequest(q); err != nil {
		answer(w, nil, err)
		return
	}
	since, err := strconv.ParseUint(q.URL.Query().Get("since"), 10, 64)
	if err != nil {
		answer(w, nil, refuse(http.StatusBadRequest, "since must be a number: %v", err))
		return
	}
	events, err := r.events.Subscribe("", &since)
	if err != nil {
		answer(w, nil, refuse(http.StatusGone, "the events since %d are no longer known: read the inventory", since))
		return
	}
	flush := http.NewResponseController(w)
	w.WriteHeader(http.StatusOK)
	flush.Flush()
	encoder := json.NewEncoder(w)
	for {
		e, err := events.Next(q.Context())
		if err != nil {
			return // the client is gone, lost events or the runner ends: it asks again
		}
		if err := writeEvent(encoder, e); err != nil {
			return
		}
		flush.Flush()
	}
}

func writeEvent(encoder *json.Encoder, e notifications.Event) error {
	out := e.Data.(Event)
	out.Seq = e.Seq
	return encoder.Encode(out)
}

func (r *Runner) serveConsole(w http.ResponseWriter, q *http.Request) {
	if err := r.admitRequest(q); err != nil {
		answer(w, nil, err)
		return
	}
	n, err := r.node(q.PathValue("id"))
	if err != nil {
		answer(w, nil, err)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		answer(w, nil, err)
		return
	}
	_, err = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+consoleProtocol+"\r\n\r\n")
	if err != nil {
		conn.Close()
		return
	}
	n.hub.Serve(&bufferedConn{Conn: conn, r: buffered.Reader})
}

// bufferedConn is a connection of which some bytes have been read ahead.
type bufferedConn struct {
	net.Conn
	r io.Reader
}

func (c *bufferedConn) Read(p []byte) (int, error) { return c.r.Read(p) }
