package controller

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/lanyard-lab/lanyard/controller/store"
)

// This file has what clients ask the server to keep, and what means nothing to
// it.

// kindSetting is what a client has the server keep, in the server's store.
const kindSetting = "setting"

// The objects of that kind.
const (
	settingIOU    = "iou_license"
	settingGNS3VM = "gns3vm"
	settingClient = "client"
)

// Limits of what is kept, in bytes.
const (
	maxLicense        = 64 << 10
	maxClientSettings = 64 << 10
)

// IOULicense is the licence of a program that is not run here. It is a secret.
type IOULicense struct {
	Content string `json:"content"`
	Check   bool   `json:"check"`
}

// GNS3VM is what a client wants of GNS3's virtual machine. There is none here:
// nothing is started, whatever these say.
type GNS3VM struct {
	Enable          bool   `json:"enable"`
	VMName          string `json:"vmname"` // empty for none
	WhenExit        string `json:"when_exit"`
	Headless        bool   `json:"headless"`
	Engine          string `json:"engine"`
	AllocateVCPURAM bool   `json:"allocate_vcpus_ram"`
	VCPUs           int    `json:"vcpus"`
	RAMMiB          int    `json:"ram"`
	Port            int    `json:"port"`
}

// IOULicense is the licence that is kept.
func (c *Controller) IOULicense(ctx context.Context) (IOULicense, error) {
	v := IOULicense{Check: true}
	err := c.setting(ctx, settingIOU, &v)
	return v, err
}

// SetIOULicense keeps a licence as change leaves it.
func (c *Controller) SetIOULicense(ctx context.Context, change func(*IOULicense)) (IOULicense, error) {
	return changeSetting(ctx, c, settingIOU, c.IOULicense, func(v *IOULicense) error {
		change(v)
		if len(v.Content) > maxLicense {
			return Errorf(TooLarge, "cannot keep the licence: it has %d bytes, and %d are allowed", len(v.Content), maxLicense)
		}
		return nil
	})
}

// GNS3VM is what a client wants of GNS3's virtual machine.
func (c *Controller) GNS3VM(ctx context.Context) (GNS3VM, error) {
	v := GNS3VM{WhenExit: "stop", Engine: "vmware", AllocateVCPURAM: true, VCPUs: 1, RAMMiB: 2048, Port: 80}
	err := c.setting(ctx, settingGNS3VM, &v)
	return v, err
}

// SetGNS3VM keeps these settings as change leaves them.
func (c *Controller) SetGNS3VM(ctx context.Context, change func(*GNS3VM)) (GNS3VM, error) {
	return changeSetting(ctx, c, settingGNS3VM, c.GNS3VM, func(v *GNS3VM) error {
		change(v)
		return v.check()
	})
}

func (v GNS3VM) check() error {
	for field, text := range map[string]string{"when_exit": v.WhenExit, "engine": v.Engine} {
		if len(text) == 0 || len(text) > maxName || strings.ContainsFunc(text, unicode.IsControl) {
			return Errorf(Invalid, "cannot keep %q of the GNS3 VM: give a word, such as %q for the engine or %q for when_exit", field, "vmware", "stop")
		}
	}
	if v.VMName != "" {
		if err := checkName("virtual machine", v.VMName); err != nil {
			return err
		}
	}
	for _, number := range []struct {
		field       string
		value, most int
	}{{"vcpus", v.VCPUs, 1 << 10}, {"ram", v.RAMMiB, 1 << 24}, {"port", v.Port, 65535}} {
		if number.value < 1 || number.value > number.most {
			return Errorf(Invalid, "cannot use %d as %q of the GNS3 VM: give 1 to %d", number.value, number.field, number.most)
		}
	}
	return nil
}

// ClientSettings are what a client keeps here for itself: a JSON object.
func (c *Controller) ClientSettings(ctx context.Context) (json.RawMessage, error) {
	v := json.RawMessage("{}")
	err := c.setting(ctx, settingClient, &v)
	return v, err
}

// SetClientSettings replaces them.
func (c *Controller) SetClientSettings(ctx context.Context, object json.RawMessage) error {
	if len(object) > maxClientSettings {
		return Errorf(TooLarge, "cannot keep these settings: they have %d bytes, and %d are allowed", len(object), maxClientSettings)
	}
	var packed bytes.Buffer
	if err := json.Compact(&packed, object); err != nil || packed.Bytes()[0] != '{' {
		return Errorf(Invalid, "cannot keep these settings: they are not a JSON object")
	}
	return c.commit(ctx, store.Change{Kind: kindSetting, ID: settingClient, Value: packed.Bytes()})
}

// setting reads what is kept into v, which stays as it is when nothing is.
func (c *Controller) setting(ctx context.Context, id string, v any) error {
	objects, err := c.store.All(ctx, kindSetting)
	if err != nil {
		return storeError(err, "read the settings")
	}
	for _, o := range objects {
		if o.ID != id {
			continue
		}
		if err := json.Unmarshal(o.Value, v); err != nil {
			return fmt.Errorf("cannot read the setting %s: %w", id, err)
		}
	}
	return nil
}

// changeSetting reads, changes and keeps a setting, one client at a time.
func changeSetting[T any](ctx context.Context, c *Controller, id string, read func(context.Context) (T, error), change func(*T) error) (T, error) {
	var none T
	if err := c.keeping.lock(ctx); err != nil {
		return none, err
	}
	defer c.keeping.unlock()
	v, err := read(ctx)
	if err != nil {
		return none, err
	}
	if err := change(&v); err != nil {
		return none, err
	}
	return v, c.commit(ctx, store.Change{Kind: kindSetting, ID: id, Value: encode(v)})
}
