package builtin

import (
	"context"
	"fmt"
	"hash/fnv"

	"github.com/lanyard-lab/lanyard/emulators"
	"github.com/lanyard-lab/lanyard/nio"
)

// Cloud makes clouds: nodes whose ports lead out of the lab, to interfaces of
// the host or to UDP tunnels.
//
// A cloud always starts. A port whose interface is missing or not permitted
// carries nothing, says so on the console and in the log, and comes alive when
// its interface appears.
type Cloud struct{}

// NewCloud makes the emulator of clouds.
func NewCloud() *Cloud { return &Cloud{} }

// Check reports whether the properties of s make sense. Whether its interfaces
// are there is not asked: a lab may come from another host.
func (e *Cloud) Check(_ context.Context, s emulators.Spec) error {
	_, err := cloudPlan(s)
	return err
}

// Start connects every port that can be connected.
func (e *Cloud) Start(ctx context.Context, s emulators.Spec) (emulators.Instance, error) {
	plan, err := cloudPlan(s)
	if err != nil {
		return nil, err
	}
	i := &cloudInstance{
		cloudLife: newCloudLife(), id: s.ID, name: s.Name, console: s.Console, log: s.Log, tell: s.Tell, changed: s.PortsChanged,
		ports: map[int]*cloudPort{}, down: map[int]bool{},
	}
	cloudResolve(ctx, plan)
	i.watch()
	i.op.Lock()
	defer i.op.Unlock()
	i.replace(plan)
	return i, nil
}

// cloudPlan pairs the ports of the properties with the jacks that they have.
func cloudPlan(s emulators.Spec) (map[int]*cloudPort, error) {
	mappings, err := cloudParse(s.Properties)
	if err != nil {
		return nil, err
	}
	jacks := map[int]nio.NIO{}
	for _, j := range s.Jacks {
		if j.Adapter == 0 && j.NIO != nil {
			jacks[j.Port] = j.NIO
		}
	}
	plan := map[int]*cloudPort{}
	for _, m := range mappings {
		// Check is also called for nodes that have no jacks yet.
		if jack := jacks[m.Number]; jack != nil {
			plan[m.Number] = &cloudPort{mapping: m, jack: jack}
		}
	}
	return plan, nil
}

// cloudDeviceName makes a name for a device of the host that belongs to one
// port of one node: the same each time, and nobody else's.
func cloudDeviceName(prefix, node string, port int) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s/%d", node, port)
	return fmt.Sprintf("%s%010x", prefix, h.Sum64()&(1<<40-1))
}

// Prefixes of the names of devices that are made on the host.
const (
	cloudPrefix = "ltap-" // a port of a Linux bridge, for a cloud
	natPrefix   = "lnat-" // the gateway of a NAT node
)
