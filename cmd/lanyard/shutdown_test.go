package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestShutdownTellsHowToTrust(t *testing.T) {
	address := startTLS(t)
	c, err := newClient([]string{"--server", "https://" + address})
	if err != nil {
		t.Fatal(err)
	}
	want := "--server https://" + address + " --ca DATA/tls/cert.pem"
	if err := c.shutdown(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("shutdown() = %v, want a hint with %q", err, want)
	}
	if _, err := newClient([]string{"--ca", filepath.Join(t.TempDir(), "none.pem")}); err == nil {
		t.Error("a certificate that is not there is trusted")
	}
}
