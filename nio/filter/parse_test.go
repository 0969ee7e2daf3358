package filter

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-lab/lanyard/nio/match"
)

var errBad = errors.New("syntax error")

// compile knows that "bad" is no expression, and nothing else.
// everything is a program that matches each frame.
var everything = sync.OnceValues(func() (*match.Program, error) {
	return match.Compile(context.Background(), "greater 0", nil)
})

func compile(_ context.Context, expression string) (*match.Program, error) {
	if strings.Contains(expression, "bad") {
		return nil, errBad
	}
	return everything()
}

func parse(t testing.TB, text string) (Settings, error) {
	t.Helper()
	var spec map[string][]any
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		t.Fatal(err)
	}
	return Parse(context.Background(), spec, compile)
}

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		text string
		want Settings
	}{
		{`{}`, Settings{}},
		{`{"frequency_drop": [0], "packet_loss": [0], "delay": [0, 5], "corrupt": [0], "bpf": [""]}`, Settings{}},
		{`{"frequency_drop": [-1]}`, Settings{DropEvery: -1}},
		{`{"frequency_drop": [10]}`, Settings{DropEvery: 10}},
		{`{"packet_loss": [2.5]}`, Settings{LossPercent: 2.5}},
		{`{"delay": [10]}`, Settings{Delay: Delay{Latency: 10 * time.Millisecond}}},
		{`{"delay": [10, 1]}`, Settings{Delay: Delay{Latency: 10 * time.Millisecond, Jitter: time.Millisecond}}},
		{`{"delay": [1.5, 1, "pareto"]}`, Settings{Delay: Delay{Latency: 1500 * time.Microsecond, Jitter: time.Millisecond, Distribution: Pareto}}},
		{`{"corrupt": [100]}`, Settings{CorruptPercent: 100}},
		{`{"duplicate": [1], "reorder": [5, 20]}`, Settings{DuplicatePercent: 1, Reorder: Reorder{Percent: 5, Extra: 20 * time.Millisecond}}},
		{`{"rate": [1000000, 1500, 30000]}`, Settings{Rate: Rate{BitsPerSecond: 1e6, BurstBytes: 1500, QueueBytes: 30000}}},
		{`{"gilbert_elliott": [1, 20, 90, 2]}`, Settings{BurstLoss: BurstLoss{ToBad: 1, ToGood: 20, LossBad: 90, LossGood: 2}}},
		{`{"gilbert_elliott": [1, 20]}`, Settings{BurstLoss: BurstLoss{ToBad: 1, ToGood: 20, LossBad: 100}}},
	} {
		if got, err := parse(t, tc.text); err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("Parse(%s) = %+v, %v, want %+v", tc.text, got, err, tc.want)
		}
	}
	s, err := parse(t, `{"bpf": ["icmp\n\n  udp port 53\n"]}`)
	if err != nil || len(s.Match) != 2 {
		t.Errorf("two expressions are %d, %v", len(s.Match), err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{`{"slowness": [1]}`, `"slowness"`},
		{`{"packet_loss": [101]}`, "0 to 100"},
		{`{"packet_loss": [-0.1]}`, "0 to 100"},
		{`{"packet_loss": ["5"]}`, `"5"`},
		{`{"packet_loss": [null]}`, "null"},
		{`{"packet_loss": [[1]]}`, "[1]"},
		{`{"packet_loss": [1, 2]}`, "2 values"},
		{`{"corrupt": [1e300]}`, "corrupt"},
		{`{"duplicate": [200]}`, "duplicate"},
		{`{"delay": [-1]}`, "Latency"},
		{`{"delay": [40000]}`, "32767"},
		{`{"delay": [10, -1]}`, "Jitter"},
		{`{"delay": [10, 1, "weird"]}`, "weird"},
		{`{"delay": [10, 1, "normal", 4]}`, "4 values"},
		{`{"frequency_drop": [-2]}`, "-1"},
		{`{"frequency_drop": [1.5]}`, "whole"},
		{`{"frequency_drop": [40000]}`, "32767"},
		{`{"rate": [10]}`, "1000"},
		{`{"rate": [1e12]}`, "rate"},
		{`{"gilbert_elliott": [5]}`, "Bad to good"},
		{`{"gilbert_elliott": [5, 0]}`, "Bad to good"},
		{`{"bpf": [5]}`, "text"},
		{`{"bpf": ["icmp\nbad one"]}`, "line 2"},
	} {
		if got, err := parse(t, tc.text); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("Parse(%s) = %+v, %v, want an error with %q", tc.text, got, err, tc.want)
		}
	}
	if _, err := parse(t, `{"bpf": ["bad"]}`); !errors.Is(err, errBad) {
		t.Errorf("the compiler's error is %v, want it wrapped", err)
	}
}

func TestTypes(t *testing.T) {
	for _, one := range Types() {
		if one.Name == "" || one.Description == "" || len(one.Parameters) == 0 {
			t.Errorf("filter %s is not described", one.Type)
		}
		for _, p := range one.Parameters {
			if p.Type == "int" && (p.Minimum == nil || p.Maximum == nil) {
				t.Errorf("%s of filter %s has no limits", p.Name, one.Type)
			}
			if p.Type == "text" && len(one.Parameters) > 1 {
				t.Errorf("GNS3's desktop client would show the first value of filter %s as its text %s", one.Type, p.Name)
			}
		}
		// All that is described can be parsed.
		values := []any{1.0, 1.0, 1.0, 1.0}[:len(one.Parameters)]
		for i, p := range one.Parameters {
			if p.Type == "text" {
				values[i] = ""
			}
		}
		if one.Type == rate {
			values[0] = 5000.0
		}
		if _, err := Parse(context.Background(), map[string][]any{one.Type: values}, compile); err != nil {
			t.Errorf("filter %s: %v", one.Type, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"delay": [10, 1, "pareto"], "packet_loss": [5]}`)
	f.Add(`{"rate": [1e9, 0, -1], "bpf": ["x"]}`)
	f.Add(`{"gilbert_elliott": [1, 2, 3, 4], "frequency_drop": [-1]}`)
	f.Add(`{"bpf": ["x"]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var spec map[string][]any
		if json.Unmarshal([]byte(text), &spec) != nil {
			return
		}
		s, err := Parse(context.Background(), spec, compile)
		if err != nil {
			return
		}
		c := newCourse(t, 1, s)
		for i := range 20 {
			c.send(numbered(i, 64))
		}
		if _, bytes := c.line.Queued(); bytes < 0 {
			t.Errorf("%d bytes are queued", bytes)
		}
	})
}
