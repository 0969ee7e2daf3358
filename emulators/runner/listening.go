package runner

import (
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Listening says which frames of a link to stream, and how.
type Listening struct {
	Format  string        // "pcap" or "pcapng", which is the default
	SnapLen int           // bytes kept of a frame; 0 keeps all
	Match   string        // BPF expression; empty: all frames
	Past    time.Duration // begin this long ago, with what the recorder has
	NoLive  bool          // end with what has been until now
}

func (l Listening) query() url.Values {
	return url.Values{
		"format": {l.Format}, "snaplen": {strconv.Itoa(l.SnapLen)}, "match": {l.Match},
		"past": {l.Past.String()}, "live": {strconv.FormatBool(!l.NoLive)},
	}
}

func listening(q url.Values) (l Listening, err error) {
	refused := func(key string) error {
		return refuse(http.StatusBadRequest, "cannot use %s=%q", key, q.Get(key))
	}
	l.Format, l.Match = q.Get("format"), q.Get("match")
	if l.Format != "" && l.Format != "pcap" && l.Format != "pcapng" {
		return l, refused("format")
	}
	if text := q.Get("snaplen"); text != "" {
		if l.SnapLen, err = strconv.Atoi(text); err != nil || l.SnapLen < 0 {
			return l, refused("snaplen")
		}
	}
	if text := q.Get("past"); text != "" {
		if l.Past, err = time.ParseDuration(text); err != nil || l.Past < 0 {
			return l, refused("past")
		}
	}
	l.NoLive = q.Get("live") == "false"
	return l, nil
}
