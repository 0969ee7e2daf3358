package controller

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		enter := func(names ...string) func() {
			t.Helper()
			leave, err := g.enter(t.Context(), names...)
			if err != nil {
				t.Fatal(err)
			}
			return leave
		}
		one, two := enter("a", "b"), enter("c") // both at once

		var order []string
		var mu sync.Mutex
		note := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, what)
		}
		go func() {
			leave := enter("b", "d")
			note("same name")
			leave()
		}()
		synctest.Wait()
		go func() {
			unlock, err := g.lock(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			note("alone")
			unlock()
		}()
		synctest.Wait()
		go func() {
			leave := enter("e")
			note("other name")
			leave()
		}()
		synctest.Wait()
		if len(order) > 0 {
			t.Errorf("%v passed beside those who share the gate", order)
		}
		one()
		synctest.Wait()
		if len(order) > 0 {
			t.Errorf("%v passed before the one that waits for the gate alone", order)
		}
		two()
		synctest.Wait()
		if len(order) != 3 || order[0] != "alone" {
			t.Errorf("order %v, want alone first, then both others", order)
		}
	})
}

func TestGateGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		leave, err := g.enter(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		limited, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.lock(limited); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("lock of a gate in use = %v, want a given up wait", err)
		}
		beside, err := g.enter(t.Context(), "b") // nobody waits for it alone any more
		if err != nil {
			t.Fatal(err)
		}
		beside()
		leave()
		unlock, err := g.lock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		unlock()
	})
}

// TestGateKeepsApart has many pass at random, and nobody with whom they must
// not.
func TestGateKeepsApart(t *testing.T) {
	g := newGate()
	var all sync.WaitGroup
	var inside [4]atomic.Int32
	var alone atomic.Bool
	for i := range uint64(8) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, i))
			for range 300 {
				if random.IntN(8) == 0 {
					unlock, err := g.lock(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					alone.Store(true)
					for n := range inside {
						if inside[n].Load() != 0 {
							t.Error("somebody is inside beside the one who is alone")
						}
					}
					alone.Store(false)
					unlock()
					continue
				}
				n := random.IntN(len(inside))
				leave, err := g.enter(t.Context(), fmt.Sprint(n))
				if err != nil {
					t.Error(err)
					return
				}
				if inside[n].Add(1) != 1 || alone.Load() {
					t.Errorf("two are inside for %d", n)
				}
				inside[n].Add(-1)
				leave()
			}
		})
	}
	all.Wait()
}
