package stream

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/lanyard-lab/lanyard/controller"
)

// beats make the object of this compute that listeners get once a second, once
// for all of them. They do not go over the bus: there they would push out
// the events that a listener may ask for again. Safe for concurrent use.
type beats struct {
	compute func() controller.Compute
	render  func(view any) any

	mu     sync.Mutex
	made   time.Time
	object json.RawMessage
}

// at is the compute as JSON, as it was at now or less than half a beat before.
func (b *beats) at(now time.Time) json.RawMessage {
	b.mu.Lock()
	if age := now.Sub(b.made); b.object != nil && age < beatEvery/2 {
		defer b.mu.Unlock()
		return b.object
	}
	b.mu.Unlock()
	object, err := json.Marshal(b.render(b.compute()))
	if err != nil {
		object = json.RawMessage("{}") // a wire struct of plain fields: cannot happen
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.made, b.object = now, object
	return object
}
