package runner

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/lanyard-lab/lanyard/nio"
	"github.com/lanyard-lab/lanyard/nio/filter"
	"github.com/lanyard-lab/lanyard/nio/match"
)

// compileLimit is how long the compiler of BPF expressions may take.
const compileLimit = 5 * time.Second

// programs remembers compiled expressions: a lab with a thousand links often
// has the same one on all of them.
type programs struct {
	mu    sync.Mutex
	known map[string]*match.Program
}

const keptPrograms = 256

// compile makes a program of a BPF expression.
func (r *Runner) compile(ctx context.Context, expression string) (*match.Program, error) {
	r.programs.mu.Lock()
	program := r.programs.known[expression]
	r.programs.mu.Unlock()
	if program != nil {
		return program, nil
	}
	ctx, cancel := context.WithTimeout(ctx, compileLimit)
	defer cancel()
	program, err := match.Compile(ctx, expression, r.spawn)
	if err != nil {
		return nil, err
	}
	r.programs.mu.Lock()
	defer r.programs.mu.Unlock()
	if len(r.programs.known) >= keptPrograms || r.programs.known == nil {
		r.programs.known = map[string]*match.Program{}
	}
	r.programs.known[expression] = program
	return program, nil
}

// matching is compile for a setting that may be empty: nil matches all.
func (r *Runner) matching(expression string) (func([]byte) bool, error) {
	if expression == "" {
		return nil, nil
	}
	program, err := r.compile(context.Background(), expression)
	if err != nil {
		return nil, badExpression(err)
	}
	return program.Match, nil
}

// badExpression gives an error of the compiler its status.
func badExpression(err error) error {
	if errors.Is(err, match.ErrNoCompiler) {
		return refuse(http.StatusNotImplemented, "%v", err)
	}
	return refuse(http.StatusBadRequest, "%v", err)
}

// badFilter gives an error of the filters its status. An expression is what a
// person types into GNS3's clients: it is no broken request, which a 400 tells
// them of, and which the desktop client takes for a crash of itself.
func badFilter(err error) error {
	if _, ok := errors.AsType[*match.ExpressionError](err); ok {
		return conflict("%v", err)
	}
	return badExpression(err)
}

// parseFilters makes settings of what a link asks for. The two directions
// often ask for the same.
func (r *Runner) parseFilters(specs [2]map[string][]any) (lanes [2]filter.Settings, err error) {
	for i, spec := range specs {
		if i == 1 && reflect.DeepEqual(spec, specs[0]) {
			lanes[1] = lanes[0]
			break
		}
		if len(spec) == 0 {
			continue
		}
		if lanes[i], err = filter.Parse(context.Background(), spec, r.compile); err != nil {
			return lanes, badFilter(err)
		}
	}
	return lanes, nil
}

// seed is that of a lane: the one asked for, or a new one.
func (r *Runner) seed(asked uint64, lane int) uint64 {
	if asked == 0 {
		return rand.Uint64()
	}
	return asked + uint64(lane)
}

// applyFilters puts parsed filters into the lanes. A new seed begins with new
// lanes; what the old ones hold still comes out when it is due.
func (l *link) applyFilters(was, def Link, settings [2]filter.Settings) {
	for d := range l.lanes {
		l.mu.Lock()
		line := l.lanes[d]
		if was.Seed != def.Seed {
			line = filter.New(l.runner.clock, l.runner.seed(def.Seed, d))
			l.lanes[d] = line
		}
		l.mu.Unlock()
		line.Set(settings[d])
		if used(def.Filters[d]) || used(was.Filters[d]) {
			l.bridge.SetFilter(nio.Direction(d), line)
		}
	}
}

// used reports whether there is a filter. A lane that had one keeps its line
// in place, for what that still holds.
func used(spec map[string][]any) bool { return len(spec) > 0 }

// drops are the frames that a lane lost, by cause.
func drops(of ...any) map[string]uint64 {
	out := map[string]uint64{}
	for _, one := range of {
		if d, ok := one.(nio.Dropper); ok {
			d.EachDrop(func(cause string, frames uint64) {
				if frames > 0 {
					out[cause] += frames
				}
			})
		}
	}
	return out
}
