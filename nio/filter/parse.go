package filter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-lab/lanyard/nio/match"
)

const (
	// maxExpressions is how many lines the bpf filter takes: each one costs
	// every frame some 30 ns.
	maxExpressions = 32
	// rateQueue is how long a frame waits for others when the rate filter has
	// no queue limit of its own, in milliseconds.
	rateQueue = 100
	// minQueue is the least that such a queue takes, in bytes.
	minQueue = 16 << 10
	// defaultExtra is what reorder adds when it does not say how much.
	defaultExtra = 10 * time.Millisecond
)

// Parse makes settings of what a client asks for: values by the type of filter,
// see Types. It compiles expressions with compile and wraps its errors. Other
// errors tell filter, parameter, value and what is allowed.
func Parse(ctx context.Context, spec map[string][]any,
	compile func(ctx context.Context, expression string) (*match.Program, error)) (Settings, error) {
	var s Settings
	types := Types()
	for _, name := range slices.Sorted(maps.Keys(spec)) {
		if !slices.ContainsFunc(types, func(t Type) bool { return t.Type == name }) {
			return Settings{}, fmt.Errorf("cannot set filter %q: it does not exist, there are %s", clip(name), names(types))
		}
	}
	for _, t := range types {
		v, err := t.read(spec[t.Type])
		if err != nil {
			return Settings{}, fmt.Errorf("cannot set filter %s: %w", t.Type, err)
		}
		if v.off() {
			continue
		}
		if t.Type == bpf {
			s.Match, err = programs(ctx, v[0].text, compile)
		} else {
			err = s.apply(t.Type, v)
		}
		if err != nil {
			return Settings{}, fmt.Errorf("cannot set filter %s: %w", t.Type, err)
		}
	}
	return s, nil
}

// value is a checked value of a parameter, a number or a text.
type value struct {
	number float64
	text   string
}

// values are those of one filter, one for each of its parameters.
type values []value

// off reports whether the filter does nothing.
func (v values) off() bool { return len(v) == 0 || v[0] == value{} }

func (v values) duration(i int) time.Duration {
	return time.Duration(math.Round(v[i].number * float64(time.Millisecond)))
}

// read checks values against the description of the filter and fills in zeroes
// for those left out.
func (t Type) read(raw []any) (values, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	parameters := t.all()
	if len(raw) > len(parameters) {
		return nil, fmt.Errorf("it has %d values, allowed are %d", len(raw), len(parameters))
	}
	v := make(values, len(parameters))
	for i, one := range raw {
		var err error
		if v[i], err = parameters[i].read(one); err != nil {
			return nil, err
		}
	}
	if len(raw) < t.required && !v.off() {
		return nil, fmt.Errorf("%s is missing", parameters[len(raw)].Name)
	}
	return v, nil
}

func (p Parameter) read(raw any) (value, error) {
	if p.Type == "text" {
		s, ok := raw.(string)
		if !ok {
			return value{}, fmt.Errorf("%s is %s, allowed is text", p.Name, shown(raw))
		}
		return value{text: strings.TrimSpace(s)}, nil
	}
	var n float64
	switch raw := raw.(type) {
	case float64:
		n = raw
	case int:
		n = float64(raw)
	case json.Number:
		var err error
		if n, err = raw.Float64(); err != nil {
			n = math.NaN()
		}
	default:
		n = math.NaN()
	}
	if !(n >= *p.Minimum && n <= *p.Maximum) || !p.fractions() && n != math.Trunc(n) {
		kind := "whole numbers"
		if p.fractions() {
			kind = "numbers"
		}
		return value{}, fmt.Errorf("%s is %s, allowed are %s from %.0f to %.0f %s",
			p.Name, shown(raw), kind, *p.Minimum, *p.Maximum, p.Unit)
	}
	return value{number: n}, nil
}

// apply puts the values of a filter into s.
func (s *Settings) apply(name string, v values) error {
	first := v[0].number
	switch name {
	case frequencyDrop:
		s.DropEvery = int(first)
	case packetLoss:
		s.LossPercent = first
	case corrupt:
		s.CorruptPercent = first
	case duplicate:
		s.DuplicatePercent = first
	case delay:
		distribution, err := parseDistribution(v[2].text)
		s.Delay = Delay{Latency: v.duration(0), Jitter: v.duration(1), Distribution: distribution}
		return err
	case reorder:
		s.Reorder = Reorder{Percent: first, Extra: v.duration(1)}
		if s.Reorder.Extra == 0 {
			s.Reorder.Extra = defaultExtra
		}
	case rate:
		return s.applyRate(v)
	case gilbertElliott:
		s.BurstLoss = BurstLoss{ToBad: first, ToGood: v[1].number, LossBad: v[2].number, LossGood: v[3].number}
		if s.BurstLoss.LossBad == 0 {
			s.BurstLoss.LossBad = 100
		}
		if s.BurstLoss.ToGood == 0 {
			return errors.New("the chance Bad to good is 0, so that bad times would never end: allowed are numbers above 0 to 100 %")
		}
	default:
		panic("internal error: filter " + name + " is described but not made")
	}
	return nil
}

func (s *Settings) applyRate(v values) error {
	bits := int64(v[0].number)
	if bits < minRate {
		return fmt.Errorf("the rate is %d, allowed are 0 for no limit and whole numbers from %d to %d bit/s",
			bits, minRate, maxRate)
	}
	s.Rate = Rate{BitsPerSecond: bits, BurstBytes: int(v[1].number), QueueBytes: int(v[2].number)}
	if s.Rate.QueueBytes == 0 {
		s.Rate.QueueBytes = max(int(bits*rateQueue/1000/8), minQueue)
	}
	return nil
}

func parseDistribution(word string) (Distribution, error) {
	switch word {
	case "", "uniform":
		return Uniform, nil
	case "normal":
		return Normal, nil
	case "pareto":
		return Pareto, nil
	}
	return 0, fmt.Errorf("the distribution is %q, allowed are uniform, normal and pareto", clip(word))
}

// programs compiles the expressions of a text, one in a line.
func programs(ctx context.Context, text string,
	compile func(ctx context.Context, expression string) (*match.Program, error)) ([]*match.Program, error) {
	var all []*match.Program
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if len(all) == maxExpressions {
			return nil, fmt.Errorf("it has more than %d expressions", maxExpressions)
		}
		program, err := compile(ctx, line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		all = append(all, program)
	}
	return all, nil
}

func names(types []Type) string {
	list := make([]string, len(types))
	for i, t := range types {
		list[i] = t.Type
	}
	return strings.Join(list, ", ")
}

// shown is a value for a message, as JSON and not too long.
func shown(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("a %T", v)
	}
	return clip(string(text))
}

func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
