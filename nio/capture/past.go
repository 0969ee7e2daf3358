package capture

import (
	"context"
	"fmt"
	"io"
	"time"
)

// pastPiece is how much of the past is written at a time, in bytes.
const pastPiece = 64 << 10

// WritePast writes what r recorded since from, as a file of one link, and
// returns how many frames that were. The limits in o do not hold for it.
func WritePast(w io.Writer, o Options, r *Recorder, from time.Time) (frames int, err error) {
	e, now := newEncoder(o.Format, o.SnapLen), time.Now()
	_, err = w.Write(e.header(o))
	if err == nil {
		frames, err = writePast(context.Background(), w, e, o.Match, r.past(from, now))
	}
	if err == nil {
		err = writeSome(w, e.trailer(Stats{Frames: uint64(frames)}, from, now))
	}
	if err != nil {
		return frames, fmt.Errorf("cannot write recorded frames: %w", err)
	}
	return frames, nil
}

// writePast writes records, and returns how many.
func writePast(ctx context.Context, w io.Writer, e encoder, match func([]byte) bool, p past) (frames int, err error) {
	var buffer []byte
	for {
		r, ok := p.next()
		if len(buffer) >= pastPiece || !ok {
			if err := writeSome(w, buffer); err != nil {
				return frames, err
			}
			if err := ctx.Err(); err != nil {
				return frames, err
			}
			buffer = buffer[:0]
		}
		if !ok {
			return frames, nil
		}
		if match == nil || match(r.data) {
			buffer = e.append(buffer, e.stamp(r.time), 0, r.direction, r.length, r.data)
			frames++
		}
	}
}

// writeSome writes p unless it is empty.
func writeSome(w io.Writer, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	_, err := w.Write(p)
	return err
}
