package fake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
)

type console struct {
	bytes.Buffer
	hangUps int
}

func (c *console) HangUp() { c.hangUps++ }

func TestStart(t *testing.T) {
	for _, tc := range []struct {
		name, properties string
		want             string // in the error; empty: none
		after            time.Duration
	}{
		{"at once", ``, "", 0},
		{"late", `{"delay": "3s"}`, "", 3 * time.Second},
		{"too late", `{"delay": "1h"}`, "deadline", time.Minute},
		{"never", `{"hang": true}`, "deadline", time.Minute},
		{"fails", `{"delay": "1s", "fail": "no luck"}`, "no luck", time.Second},
		{"unknown", `{"color": 1}`, "not valid", 0},
		{"bad delay", `{"delay": "soon"}`, "not valid", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				begin := time.Now()
				e := New()
				i, err := e.Start(ctx, emulators.Spec{Name: "PC", Properties: json.RawMessage(tc.properties), Console: &console{}})
				if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) || time.Since(begin) != tc.after {
					t.Fatalf("Start = %v after %v, want %q after %v", err, time.Since(begin), tc.want, tc.after)
				}
				if err != nil && e.Running() != 0 || err == nil && (e.Running() != 1 || i.Stop(ctx) != nil || e.Running() != 0) {
					t.Errorf("%d instances run", e.Running())
				}
			})
		})
	}
	refused := emulators.Spec{Properties: json.RawMessage(`{"refuse": "not here"}`)}
	if err := New().Check(t.Context(), refused); err == nil || err.Error() != "not here" {
		t.Errorf("Check = %v", err)
	}
}

func TestConsoleAndFrames(t *testing.T) {
	a, b := nio.Pipe()
	defer a.Close()
	defer b.Close()
	var c1, c2 console
	e := New()
	i1, err1 := e.Start(t.Context(), emulators.Spec{Name: "A", Jacks: []emulators.Jack{{NIO: a}}, Console: &c1})
	i2, err2 := e.Start(t.Context(), emulators.Spec{Name: "B", Jacks: []emulators.Jack{{NIO: b}}, Console: &c2})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	io.WriteString(i1, "send\rsend\rdisconnect\r")
	s := i2.(emulators.Suspender)
	s.Suspend(t.Context())
	io.WriteString(i2, "exit\r")
	s.Resume(t.Context())
	io.WriteString(i2, "frames\rcrash\rexit\r")
	if want := "\r\nA> send\r\nA> send\r\nA> disconnect\r\nGood-bye\r\nA> "; c1.String() != want || c1.hangUps != 1 {
		t.Errorf("console %q, %d hang-ups, want %q", c1.String(), c1.hangUps, want)
	}
	if want := "\r\nB> frames\r\n2 frames\r\nB> crash\r\n"; c2.String() != want {
		t.Errorf("console %q, want %q", c2.String(), want)
	}
	<-i2.Done()
	if !errors.Is(i2.Exit(), ErrCrash) || e.Running() != 1 || e.Starts() != 2 {
		t.Errorf("Exit = %v, %d run of %d", i2.Exit(), e.Running(), e.Starts())
	}
	io.WriteString(i1, "exit\r")
	<-i1.Done()
	if i1.Exit() != nil {
		t.Errorf("Exit = %v", i1.Exit())
	}
}

func TestStopThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, err := New().Start(t.Context(), emulators.Spec{Properties: json.RawMessage(`{"hang_end": true}`), Console: &console{}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		if err := i.Stop(ctx); err != nil || time.Since(begin) != time.Minute {
			t.Errorf("Stop = %v after %v", err, time.Since(begin))
		}
		<-i.Done()
	})
}
