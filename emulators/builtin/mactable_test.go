package builtin

import (
	"testing"

	"pgregory.net/rapid"
)

func TestTableTakesAllItMay(t *testing.T) {
	var table macTable
	for i := range uint64(maxAddresses) {
		table.learn(addressKey(1, i+1), uint32(i%7), 10)
	}
	for i := range uint64(maxAddresses) {
		if port, ok := table.lookup(addressKey(1, i+1), 10); !ok || port != uint32(i%7) {
			t.Fatalf("lookup(%d) = %d, %v", i, port, ok)
		}
	}
	if maxAddresses < 16<<10 || table.refused != 0 {
		t.Errorf("%d addresses were refused", table.refused)
	}
	// One more finds no room, but those that are there are still refreshed.
	table.learn(addressKey(2, 1), 3, 11)
	table.learn(addressKey(1, 1), 5, 200)
	if _, ok := table.lookup(addressKey(2, 1), 11); ok || table.refused != 1 {
		t.Errorf("an address more than there is room for was learnt, %d refused", table.refused)
	}
	if port, ok := table.lookup(addressKey(1, 1), 200); !ok || port != 5 {
		t.Errorf("an address moved to port 5 is found at %d, %v", port, ok)
	}
	// When the old ones have aged there is room again, and memory is given back.
	table.learn(addressKey(2, 1), 3, 400)
	if port, ok := table.lookup(addressKey(2, 1), 400); !ok || port != 3 || table.used != 2 || len(table.slots) != minSlots {
		t.Errorf("after ageing: port %d, %v, %d used of %d slots", port, ok, table.used, len(table.slots))
	}
}

func TestTableWhenEmpty(t *testing.T) {
	var table macTable
	if _, ok := table.lookup(addressKey(1, 1), 0); ok {
		t.Error("an empty table knows an address")
	}
	table.flush(0)
	table.sweepAt(1000)
	if _, ok := table.lookup(addressKey(1, 1), 0); ok || table.used != 0 || len(table.live(0)) != 0 {
		t.Error("a flushed empty table knows an address")
	}
}

// TestTableIsAMap compares the table with a map.
func TestTableIsAMap(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		type entry struct{ port, seen uint32 }
		model, now := map[uint64]entry{}, uint32(0)
		var table macTable
		key := rapid.Custom(func(r *rapid.T) uint64 {
			return addressKey(rapid.SampledFrom([]uint16{1, 2, 4094}).Draw(r, "vlan"), rapid.Uint64Range(1, 200).Draw(r, "mac"))
		})
		for range rapid.IntRange(1, 400).Draw(r, "steps") {
			port := rapid.Uint32Range(0, 3).Draw(r, "port")
			switch rapid.SampledFrom([]string{"learn", "learn", "learn", "learn", "learn", "learn", "wait", "flush", "sweep"}).Draw(r, "step") {
			case "learn":
				k := key.Draw(r, "key")
				table.learn(k, port, now)
				model[k] = entry{port, now}
			case "wait":
				now += rapid.Uint32Range(0, 200).Draw(r, "seconds")
			case "flush":
				table.flush(port)
				for k, e := range model {
					if e.port == port {
						delete(model, k)
					}
				}
			case "sweep":
				table.sweepAt(now)
			}
			for k, e := range model {
				if now-e.seen >= 300 {
					delete(model, k)
				}
			}
			k := key.Draw(r, "key")
			got, ok := table.lookup(k, now)
			if e, want := model[k]; ok != want || ok && got != e.port {
				r.Fatalf("lookup(%x) = %d, %v, want %d, %v", k, got, ok, e.port, want)
			}
		}
		if got := len(table.live(now)); got != len(model) {
			r.Fatalf("%d addresses are live, want %d", got, len(model))
		}
	})
}

func BenchmarkTable(b *testing.B) {
	var table macTable
	for i := range uint64(1000) {
		table.learn(addressKey(1, i<<8+1), 1, 1)
	}
	i := uint64(0)
	for b.Loop() {
		i = (i + 7) % 1000
		table.learn(addressKey(1, i<<8+1), 1, 1)
		table.lookup(addressKey(1, i<<8+1), 1)
	}
}
