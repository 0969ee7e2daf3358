package controller

import (
	"context"
	"fmt"

	"github.com/lanyard-lab/lanyard/controller/store"
)

// AllocateUDP reserves a UDP port until the project closes, or a NIO that uses
// it is detached.
func (p *Project) AllocateUDP(ctx context.Context) (int, error) {
	if err := p.begin(); err != nil {
		return 0, err
	}
	defer p.end()
	port, err := p.c.udp.take(p.owner())
	if err != nil {
		return 0, err
	}
	if err := p.commit(ctx, store.Change{Kind: kindUDP, ID: fmt.Sprint(port), Value: encode(struct{}{})}); err != nil {
		p.c.udp.release(port, p.owner())
		return 0, err
	}
	p.mu.Lock()
	p.reserved[port] = true
	p.mu.Unlock()
	return port, nil
}

// releaseReserved frees the ports of AllocateUDP; nothing else runs in the
// project.
func (p *Project) releaseReserved(ctx context.Context) error {
	p.mu.Lock()
	var changes []store.Change
	for port := range p.reserved {
		changes = append(changes, store.Change{Kind: kindUDP, ID: fmt.Sprint(port)})
	}
	p.mu.Unlock()
	if len(changes) == 0 {
		return nil
	}
	if err := p.commit(ctx, changes...); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for port := range p.reserved {
		p.c.udp.release(port, p.owner())
	}
	p.reserved = map[int]bool{}
	return nil
}
