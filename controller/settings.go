package controller

import (
	"context"
	"path/filepath"

	"github.com/lanyard-lab/lanyard/emulators/runner"
)

// The limits of a recorder.
const (
	maxRecorderSeconds = 3600
	maxRecorderBytes   = 1 << 30
)

// UsualRecorder is what a project has that was not asked for another.
func UsualRecorder() RecorderSettings {
	return RecorderSettings{Mode: "headers", Seconds: 60, Bytes: 8 << 20}
}

func (s RecorderSettings) check() error {
	switch {
	case s.Mode != "headers" && s.Mode != "full" && s.Mode != "off":
		return Errorf(Invalid, `cannot set the flight recorder to mode %q: give "headers", "full" or "off"`, s.Mode)
	case s.Seconds < 1 || s.Seconds > maxRecorderSeconds:
		return Errorf(Invalid, "cannot record %d seconds: give 1 to %d", s.Seconds, maxRecorderSeconds)
	case s.Bytes < 64<<10 || s.Bytes > maxRecorderBytes:
		return Errorf(Invalid, "cannot record %d bytes of each link: give %d to %d", s.Bytes, 64<<10, maxRecorderBytes)
	}
	return nil
}

func (r projectRecord) recorder() RecorderSettings {
	if r.Recorder == nil {
		return UsualRecorder()
	}
	return *r.Recorder
}

// settings are what the runner shall have.
func (r projectRecord) settings() runner.Settings {
	s := r.recorder()
	return runner.Settings{AlwaysUp: r.AlwaysUp, Recorder: runner.Recorder{
		Mode: s.Mode, Seconds: s.Seconds, Bytes: s.Bytes, CarrierDown: s.CarrierDown, Match: s.Match,
		Folder: filepath.Join(r.Path, "project-files", "captures"),
	}}
}

// sendSettings gives the runner, if there is one, the settings of a record. It
// returns the client of the runner, nil for none.
func (p *Project) sendSettings(ctx context.Context, rec projectRecord) (*runner.Client, error) {
	r := p.knownRunner()
	if r == nil {
		return nil, nil
	}
	return r.client, runnerError(r.client.PutSettings(ctx, rec.settings()))
}

// replaceSettings gives the runner and the store a new record, or leaves both
// as they were.
func (p *Project) replaceSettings(ctx context.Context, was, rec projectRecord) error {
	client, err := p.sendSettings(ctx, rec)
	if err != nil {
		return err
	}
	if err := p.replaceRecord(ctx, rec); err != nil {
		if _, undo := p.sendSettings(ctx, was); undo != nil {
			p.c.cfg.Log.Warn("cannot undo the change of a project's settings", "project", p.id, "err", undo)
		}
		return err
	}
	p.again(client, func(next *runner.Client) error {
		return next.PutSettings(context.WithoutCancel(ctx), rec.settings())
	})
	return nil
}
