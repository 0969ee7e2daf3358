package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// captureTargets are shares of what the same relay does without a capture.
var captureTargets = []share{{64, 0.9}, {512, 0.9}, {1500, 0.9}}

// capture measures what it costs a link to be captured.
func (b *bench) capture() error {
	folder, err := os.MkdirTemp("", "lanyard-wire-")
	if err != nil {
		return fmt.Errorf("cannot make a temporary folder: %w", err)
	}
	defer os.RemoveAll(folder)
	plain, first, err := relayed(relaySpec{})
	if err != nil {
		return err
	}
	defer first.stop()
	defer plain.close()
	for _, tc := range []struct {
		name string
		spec relaySpec
	}{
		{"capture", relaySpec{Capture: filepath.Join(folder, "link.pcap")}},
		{"flight recorder", relaySpec{Recorder: true}},
	} {
		captured, second, err := relayed(tc.spec)
		if err != nil {
			return err
		}
		err = b.compareAll(tc.name, "the relay without", plain, captured, captureTargets, ways()[:1])
		second.stop()
		captured.close()
		if err != nil {
			return err
		}
	}
	return nil
}
