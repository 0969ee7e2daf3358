package controller

import (
	"errors"
	"testing"
)

// TestMainboards has routers that say nothing of slot 0, or empty it.
func TestMainboards(t *testing.T) {
	for _, tc := range []struct {
		name       string
		properties map[string]any
		card       string
		ports      int // on adapter 0
	}{
		{"7200", map[string]any{"platform": "c7200"}, "C7200-IO-FE", 1},
		{"7200 with its own", map[string]any{"platform": "c7200", "slot0": "C7200-IO-2FE"}, "C7200-IO-2FE", 2},
		{"3725", map[string]any{"platform": "c3725", "slot0": ""}, "GT96100-FE", 2},
		{"3640 has none", map[string]any{"platform": "c3600", "chassis": "3640"}, "", 0},
		{"3660", map[string]any{"platform": "c3600", "chassis": "3660"}, "Leopard-2FE", 2},
		{"2610", map[string]any{"platform": "c2600", "chassis": "2610"}, "C2600-MB-1E", 1},
		{"2611", map[string]any{"platform": "c2600", "chassis": "2611"}, "C2600-MB-2E", 2},
		{"2650XM", map[string]any{"platform": "c2600", "chassis": "2650XM"}, "C2600-MB-1FE", 1},
		{"2651XM", map[string]any{"platform": "c2600", "chassis": "2651XM"}, "C2600-MB-2FE", 2},
		{"1700", map[string]any{"platform": "c1700"}, "C1700-MB-1FE", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := nodeRecord{Type: "dynamips"}
			err := (&Controller{}).fillProperties(&rec, rec.kind(), tc.properties)
			if err := errors.Join(err, rec.apply(NodePatch{Properties: tc.properties})); err != nil {
				t.Fatal(err)
			}
			rec.seatMainboard()
			ports := 0
			for _, p := range rec.Ports {
				if p.Adapter == 0 {
					ports++
				}
			}
			if card := rec.text("slot0"); card != tc.card || ports != tc.ports {
				t.Errorf("slot 0 has %q with %d ports, want %q with %d", card, ports, tc.card, tc.ports)
			}
		})
	}
}
