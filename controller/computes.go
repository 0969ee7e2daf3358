package controller

import (
	"cmp"
	"context"
	"os"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/lanyard-lab/lanyard/controller/host"
	"github.com/lanyard-lab/lanyard/controller/store"
)

const (
	kindCompute = "compute" // in the server's store: computeRecord
	maxComputes = 256
)

// notDriven is why no other compute is ever connected.
const notDriven = "cannot connect: this server does not drive other computes; it keeps what is known about them"

// HostLoad is how busy this machine is; see host.Load.
type HostLoad = host.Load

// HostStatistics is what this machine has and uses; see host.Statistics.
type HostStatistics = host.Statistics

// Endpoint is where the API of a compute listens.
type Endpoint struct {
	Protocol string // "http" or "https"
	Host     string // name or IP address
	Port     int
}

// Compute is what there is to know about a compute, but for its password.
type Compute struct {
	ID string
	Endpoint
	Name      string
	User      string // empty for none
	Local     bool   // it is this server
	Load      HostLoad
	NodeTypes []string // none unless it is connected
	Version   string
	Problem   string // why it is not connected
}

// ComputePatch changes a compute, or makes one; nil leaves a field as it is.
type ComputePatch struct {
	Name, Protocol, Host, User, Password *string
	Port                                 *int
}

// LocalCompute is this server, as it is now.
func (c *Controller) LocalCompute() Compute {
	v := Compute{
		ID: localCompute, Endpoint: c.cfg.Endpoint, Name: c.computes.get(localCompute).Name, Local: true,
		Load: c.meter.Load(), NodeTypes: computeTypes(), Version: c.cfg.Version,
	}
	if v.Name == "" {
		v.Name, _ = os.Hostname()
	}
	return v
}

// computeTypes are the types of nodes, in the order of GNS3's computes.
func computeTypes() []string {
	return slices.DeleteFunc([]string{
		"cloud", "ethernet_hub", "ethernet_switch", "nat", "vpcs", "virtualbox", "dynamips",
		"frame_relay_switch", "atm_switch", "qemu", "vmware", "traceng", "docker", "iou",
	}, func(name string) bool { _, known := kindOf(name); return !known })
}

// HostLoad is how busy this machine is.
func (c *Controller) HostLoad() HostLoad { return c.meter.Load() }

// HostStatistics is what this machine has and uses.
func (c *Controller) HostStatistics() HostStatistics { return c.meter.Statistics(c.cfg.DataDir) }

// Computes lists this server, then the others by name and id.
func (c *Controller) Computes() []Compute {
	c.computes.mu.Lock()
	others := []Compute{}
	for id, rec := range c.computes.all {
		if id != localCompute {
			others = append(others, rec.view(id))
		}
	}
	c.computes.mu.Unlock()
	slices.SortFunc(others, func(a, b Compute) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return append([]Compute{c.LocalCompute()}, others...)
}

// Compute finds a compute by id; NotFound.
func (c *Controller) Compute(id string) (Compute, error) {
	if id == localCompute {
		return c.LocalCompute(), nil
	}
	rec, ok := c.computes.find(id)
	if !ok {
		return Compute{}, Errorf(NotFound, "there is no compute %q; this server is %q", id, localCompute)
	}
	return rec.view(id), nil
}

// PortsOf tells the ports of a compute; NotFound, Conflict when it is not connected.
func (c *Controller) PortsOf(id string) (PortsInUse, error) {
	v, err := c.Compute(id)
	if err != nil {
		return PortsInUse{}, err
	}
	if !v.Local {
		return PortsInUse{}, Errorf(Conflict, "cannot tell the ports of compute %s: %s", v.Name, v.Problem)
	}
	return c.Ports(), nil
}

// AddCompute keeps another compute. An empty id stands for a new one, and a
// known one changes that compute.
func (c *Controller) AddCompute(ctx context.Context, id string, patch ComputePatch) (Compute, error) {
	if id == localCompute {
		return Compute{}, Errorf(Conflict, "cannot add compute %q: it is this server, which is always there; leave the id out", id)
	}
	if id == "" {
		id = uuid.NewString()
	}
	if err := checkName("compute", id); err != nil {
		return Compute{}, err
	}
	if strings.Contains(id, "/") {
		return Compute{}, Errorf(Invalid, "cannot use %q as the id of a compute: it has a / in it", id)
	}
	if err := c.computes.op.lock(ctx); err != nil {
		return Compute{}, err
	}
	defer c.computes.op.unlock()
	rec, known := c.computes.find(id)
	if !known && (patch.Protocol == nil || patch.Host == nil || patch.Port == nil) {
		return Compute{}, Errorf(Invalid, "cannot add a compute: say where it is, with protocol, host and port")
	}
	if !known && c.computes.count() >= maxComputes {
		return Compute{}, Errorf(Conflict, "cannot add a compute: there are %d already; delete those that are gone", maxComputes)
	}
	action := "compute.created"
	if known {
		action = "compute.updated"
	}
	return c.setCompute(ctx, id, rec, patch, action)
}

// UpdateCompute changes a compute; NotFound. Of this server it changes the name.
func (c *Controller) UpdateCompute(ctx context.Context, id string, patch ComputePatch) (Compute, error) {
	if err := c.computes.op.lock(ctx); err != nil {
		return Compute{}, err
	}
	defer c.computes.op.unlock()
	if id == localCompute {
		return c.renameLocal(ctx, patch)
	}
	rec, ok := c.computes.find(id)
	if !ok {
		return Compute{}, Errorf(NotFound, "there is no compute %q", id)
	}
	return c.setCompute(ctx, id, rec, patch, "compute.updated")
}

// DeleteCompute forgets another compute; one that is not known is gone already.
func (c *Controller) DeleteCompute(ctx context.Context, id string) error {
	if id == localCompute {
		return Errorf(Conflict, "cannot delete compute %q: it is this server", id)
	}
	if err := c.computes.op.lock(ctx); err != nil {
		return err
	}
	defer c.computes.op.unlock()
	rec, ok := c.computes.find(id)
	if !ok {
		return nil
	}
	if err := c.commit(ctx, store.Change{Kind: kindCompute, ID: id}); err != nil {
		return err
	}
	c.computes.mu.Lock()
	delete(c.computes.all, id)
	c.computes.mu.Unlock()
	c.bus.Publish("", "compute.deleted", rec.view(id))
	return nil
}

// setCompute changes a record, stores it and tells of it; op held.
func (c *Controller) setCompute(ctx context.Context, id string, rec computeRecord, patch ComputePatch, action string) (Compute, error) {
	set(&rec.Name, patch.Name)
	set(&rec.Protocol, patch.Protocol)
	set(&rec.Host, patch.Host)
	set(&rec.Port, patch.Port)
	set(&rec.User, patch.User)
	set(&rec.Password, patch.Password)
	if err := rec.check(); err != nil {
		return Compute{}, err
	}
	if rec.Name == "" {
		rec.Name = rec.usualName()
	}
	if err := c.freeComputeName(id, rec.Name); err != nil {
		return Compute{}, err
	}
	if err := c.storeCompute(ctx, id, rec); err != nil {
		return Compute{}, err
	}
	v := rec.view(id)
	c.bus.Publish("", action, v)
	return v, nil
}

// renameLocal gives this server another name; op held. A client that sends the
// whole object back changes nothing else by that.
func (c *Controller) renameLocal(ctx context.Context, patch ComputePatch) (Compute, error) {
	v := c.LocalCompute()
	differs := func(now string, wanted *string) bool { return wanted != nil && *wanted != now }
	if differs(v.Protocol, patch.Protocol) || differs(v.Host, patch.Host) || patch.Port != nil && *patch.Port != v.Port ||
		differs("", patch.User) || differs("", patch.Password) {
		return v, Errorf(Conflict, "cannot change compute %q: it is this server, and only its name can be changed here; the rest are settings of the program", v.ID)
	}
	if !differs(v.Name, patch.Name) {
		return v, nil
	}
	if err := checkName("compute", *patch.Name); err != nil {
		return v, err
	}
	if err := c.freeComputeName(v.ID, *patch.Name); err != nil {
		return v, err
	}
	if err := c.storeCompute(ctx, v.ID, computeRecord{Name: *patch.Name}); err != nil {
		return v, err
	}
	v.Name = *patch.Name
	c.bus.Publish("", "compute.updated", v)
	return v, nil
}

func (c *Controller) storeCompute(ctx context.Context, id string, rec computeRecord) error {
	if err := c.commit(ctx, store.Change{Kind: kindCompute, ID: id, Value: encode(rec)}); err != nil {
		return err
	}
	c.computes.mu.Lock()
	c.computes.all[id] = rec
	c.computes.mu.Unlock()
	return nil
}

// freeComputeName refuses a name that another compute has.
func (c *Controller) freeComputeName(id, name string) error {
	for _, other := range c.Computes() {
		if other.Name == name && other.ID != id {
			return Errorf(Conflict, "cannot use the name %q: compute %q has it; choose another", name, other.ID)
		}
	}
	return nil
}
