package controller_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/lanyard-lab/lanyard/controller"
)

// remote describes a compute at an address.
func remote(name, host string) controller.ComputePatch {
	protocol, port, password := "http", 3080, "secret-word"
	return controller.ComputePatch{Name: &name, Protocol: &protocol, Host: &host, Port: &port, Password: &password}
}

func TestComputesAreKept(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	begin := c.Events().Last()
	a, err := c.AddCompute(t.Context(), "", remote("A", "192.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := uuid.Parse(a.ID); err != nil || a.Problem == "" || a.Local {
		t.Errorf("AddCompute() = %+v, want a new id and the reason why it is not connected", a)
	}
	if _, err := c.AddCompute(t.Context(), "b", remote("", "192.0.2.2")); err != nil {
		t.Fatal(err)
	}
	name := "this one"
	if _, err := c.UpdateCompute(t.Context(), "local", controller.ComputePatch{Name: &name}); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteCompute(t.Context(), "unknown"); err != nil {
		t.Errorf("DeleteCompute() of one that is not there = %v", err)
	}
	want := "[compute.created A compute.created http://192.0.2.2:3080 compute.updated this one]"
	if got := computeEvents(t, c, begin); got != want {
		t.Errorf("events = %s, want %s", got, want)
	}
	shutdown(t, c)

	c = open(t, dir)
	defer shutdown(t, c)
	var names []string
	for _, v := range c.Computes() {
		names = append(names, v.Name)
	}
	if got, want := fmt.Sprint(names), "[this one A http://192.0.2.2:3080]"; got != want {
		t.Errorf("after a restart the computes are %s, want %s", got, want)
	}
	if v, err := c.Compute(a.ID); err != nil || v.Host != "192.0.2.1" {
		t.Errorf("Compute() = %+v, %v", v, err)
	}
}

// computeEvents are the events since a number, none of which tells a password.
func computeEvents(t *testing.T, c *controller.Controller, since uint64) string {
	t.Helper()
	last := c.Events().Last()
	events, err := c.Events().Subscribe("", &since)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for at := since; at < last; {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		e, err := events.Next(ctx)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		at = e.Seq
		v, ok := e.Data.(controller.Compute)
		if !ok {
			continue
		}
		told = append(told, e.Action+" "+v.Name)
		if text := fmt.Sprintf("%+v", v); strings.Contains(text, "secret-word") {
			t.Errorf("an event tells the password: %s", text)
		}
	}
	return fmt.Sprint(told)
}

func TestLocalComputeIsThisServer(t *testing.T) {
	c := start(t)
	v := c.LocalCompute()
	if host, _ := os.Hostname(); v.Name != host || v.ID != "local" || !v.Local || v.Problem != "" || len(v.NodeTypes) != 14 || v.NodeTypes[0] != "cloud" {
		t.Errorf("LocalCompute() = %+v", v)
	}
	same := controller.ComputePatch{Name: &v.Name, Protocol: &v.Protocol, Host: &v.Host, Port: &v.Port}
	if _, err := c.UpdateCompute(t.Context(), "local", same); err != nil {
		t.Errorf("UpdateCompute() with what it is already = %v", err)
	}
	for what, err := range map[string]error{
		"delete": c.DeleteCompute(t.Context(), "local"),
		"add":    second(c.AddCompute(t.Context(), "local", remote("x", "192.0.2.1"))),
		"move":   second(c.UpdateCompute(t.Context(), "local", remote("x", "192.0.2.1"))),
	} {
		if codeOf(err) != controller.Conflict {
			t.Errorf("%s = %v, want Conflict", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestComputesInParallel adds, changes and deletes at once: names stay unique,
// and no more are kept than may be.
func TestComputesInParallel(t *testing.T) {
	c := start(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 10 {
				id := fmt.Sprint("c", i%4)
				_, err := c.AddCompute(t.Context(), id, remote(fmt.Sprint("name ", i%3), "192.0.2.1"))
				if err != nil && codeOf(err) != controller.Conflict {
					t.Errorf("AddCompute() = %v", err)
				}
				if i == 7 {
					if err := c.DeleteCompute(t.Context(), id); err != nil {
						t.Errorf("DeleteCompute() = %v", err)
					}
				}
				names := map[string]bool{}
				for _, v := range c.Computes() {
					if names[v.Name] {
						t.Errorf("two computes are called %s", v.Name)
					}
					names[v.Name] = true
				}
			}
		})
	}
	all.Wait()
}

func TestComputesAreBounded(t *testing.T) {
	c := start(t)
	var err error
	for i := 0; err == nil; i++ {
		if i > 256 {
			t.Fatal("there is no end of computes")
		}
		_, err = c.AddCompute(t.Context(), "", remote("", fmt.Sprintf("192.0.2.%d.example", i)))
	}
	if codeOf(err) != controller.Conflict || len(c.Computes()) != 257 {
		t.Errorf("with %d computes the next one is %v, want Conflict", len(c.Computes()), err)
	}
}

func TestSettingsOfClientsAreKept(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	if _, err := c.SetIOULicense(t.Context(), func(v *controller.IOULicense) { v.Content = strings.Repeat("x", 64<<10+1) }); codeOf(err) != controller.TooLarge {
		t.Errorf("a long licence: %v, want TooLarge", err)
	}
	if err := c.SetClientSettings(t.Context(), json.RawMessage(`{"a": "`+strings.Repeat("x", 64<<10)+`"}`)); codeOf(err) != controller.TooLarge {
		t.Errorf("long settings: %v, want TooLarge", err)
	}
	for _, text := range []string{"", "[]", "7", "{", "null"} {
		if err := c.SetClientSettings(t.Context(), json.RawMessage(text)); codeOf(err) != controller.Invalid {
			t.Errorf("SetClientSettings(%q) = %v, want Invalid", text, err)
		}
	}
	_, err := c.SetIOULicense(t.Context(), func(v *controller.IOULicense) { v.Content = "license" })
	_, err2 := c.SetGNS3VM(t.Context(), func(v *controller.GNS3VM) { v.RAMMiB = 512 })
	err3 := c.SetClientSettings(t.Context(), json.RawMessage(`{"a": [1, 2]}`))
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	shutdown(t, c)
	c = open(t, dir)
	defer shutdown(t, c)
	license, _ := c.IOULicense(t.Context())
	machine, _ := c.GNS3VM(t.Context())
	settings, _ := c.ClientSettings(t.Context())
	if license.Content != "license" || !license.Check || machine.RAMMiB != 512 || machine.Engine != "vmware" || string(settings) != `{"a":[1,2]}` {
		t.Errorf("after a restart: %+v, %+v, %s", license, machine, settings)
	}
}
