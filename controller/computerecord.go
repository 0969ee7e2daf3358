package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

// computeRecord is how a compute is stored; of this server it has the name alone.
type computeRecord struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol,omitempty"`
	Host     string `json:"host,omitempty"`
	Port     int    `json:"port,omitempty"`
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
}

// computes are the computes that are stored.
type computes struct {
	op oplock // held while one is changed

	mu  sync.Mutex
	all map[string]computeRecord
}

// loadComputes reads them; one that cannot be read is forgotten.
func (c *Controller) loadComputes(ctx context.Context) error {
	c.computes = &computes{op: newOplock(), all: map[string]computeRecord{}}
	objects, err := c.store.All(ctx, kindCompute)
	if err != nil {
		return err
	}
	for _, o := range objects {
		var rec computeRecord
		if err := json.Unmarshal(o.Value, &rec); err != nil {
			c.cfg.Log.Warn("a compute is left out: it is stored in a way that is not known here", "compute", o.ID, "err", err)
			continue
		}
		c.computes.all[o.ID] = rec
	}
	return nil
}

func (s *computes) find(id string) (computeRecord, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, ok := s.all[id]
	return rec, ok
}

func (s *computes) get(id string) computeRecord {
	rec, _ := s.find(id)
	return rec
}

func (s *computes) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

// check checks everything but that the name is free. An empty name is one that
// is to be made up.
func (r computeRecord) check() error {
	if r.Protocol != "http" && r.Protocol != "https" {
		return Errorf(Invalid, `cannot use %q as the protocol of a compute: give "http" or "https"`, r.Protocol)
	}
	if err := checkName("compute's host", r.Host); err != nil {
		return err
	}
	if strings.ContainsAny(r.Host, "/@?# \\\"") {
		return Errorf(Invalid, "cannot use %q as the host of a compute: give a host name or an IP address alone", r.Host)
	}
	if r.Port < 1 || r.Port > 65535 {
		return Errorf(Invalid, "cannot use %d as the port of a compute: give 1 to 65535", r.Port)
	}
	for _, secret := range []struct{ what, value string }{{"compute's user", r.User}, {"compute's password", r.Password}} {
		if len(secret.value) > maxName || strings.ContainsRune(secret.value, 0) {
			return Errorf(Invalid, "cannot keep the %s: at most %d bytes without NUL are allowed", secret.what, maxName)
		}
	}
	if r.Name == "" {
		return nil
	}
	return checkName("compute", r.Name)
}

// usualName tells computes without a name apart by where they are.
func (r computeRecord) usualName() string {
	user := ""
	if r.User != "" {
		user = r.User + "@"
	}
	return fmt.Sprintf("%s://%s%s:%d", r.Protocol, user, r.Host, r.Port)
}

func (r computeRecord) view(id string) Compute {
	return Compute{
		ID: id, Name: r.Name, User: r.User, Problem: notDriven, NodeTypes: []string{},
		Endpoint: Endpoint{Protocol: r.Protocol, Host: r.Host, Port: r.Port},
	}
}
