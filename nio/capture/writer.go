package capture

import (
	"math"
	"os"
	"time"
)

// trailerRoom is what is kept free for the trailer in a file with a limit.
const trailerRoom = 128

// smallPiece is a piece that a disk has room for or not, in bytes.
const smallPiece = 4 << 10

// write is the goroutine that brings records to the disk. While no frames come
// it only waits.
func (f *File) write() {
	defer close(f.stopped)
	err := f.writeUntilEnd()
	f.intake.end()
	if err == nil {
		err = f.flush() // it was closed
	}
	if err == nil || err == ErrLimit {
		if finishErr := f.finish(); finishErr != nil {
			err = finishErr
		}
	}
	f.failed = err
	f.lose(f.intake.take(nil), err)
	f.mu.Lock()
	f.ended = true
	f.wakeLocked()
	closed := f.closed
	f.mu.Unlock()
	if err != nil && !closed && f.onEnd != nil {
		f.onEnd(err)
	}
}

// writeUntilEnd returns nil when the capture is closed.
func (f *File) writeUntilEnd() error {
	flush := time.NewTimer(flushEvery)
	flush.Stop()
	for {
		age := make(<-chan time.Time)
		if f.options.MaxAge > 0 {
			age = time.After(f.options.MaxAge - time.Since(f.opened))
		}
		much := false
		select {
		case <-f.intake.some:
			much = f.intake.wait(flush, f.stop)
		case <-age:
		case <-f.stop:
			return nil
		}
		write := f.writeWaiting
		if much {
			write = func() error { return patiently(func() error { return f.writeMuch(flush) }) }
		}
		if err := write(); err != nil {
			return err
		}
	}
}

// writeMuch writes until there is not much any more.
func (f *File) writeMuch(flush *time.Timer) error {
	for much := true; much; much = f.intake.wait(flush, f.stop) {
		if err := f.writeWaiting(); err != nil {
			return err
		}
	}
	return f.writeWaiting()
}

// writeWaiting writes what waits, and looks at the clock.
func (f *File) writeWaiting() error {
	if err := f.flush(); err != nil {
		return err
	}
	return f.checkAge()
}

// flush stores what waits.
func (f *File) flush() error {
	records := f.intake.take(f.spare)
	f.spare = nil
	rest, err := f.store(records)
	if err == nil && time.Since(f.checked) >= checkEvery {
		f.checked = time.Now()
		err = f.place.check()
	}
	f.lose(rest, err)
	f.spare = emptied(records)
	return err
}

// store appends records to the file, or several of them, and returns those that
// it could not.
func (f *File) store(records []byte) (rest []byte, err error) {
	for len(records) > 0 {
		room := int64(math.MaxInt64)
		if f.options.MaxBytes > 0 {
			room = f.options.MaxBytes - f.size - trailerRoom
		}
		length := len(records)
		if int64(length) > room {
			_, length = f.intake.fit(records, room)
		}
		switch {
		case length > 0:
		case f.empty():
			length = f.intake.length(records)
		default:
			if err := f.full(); err != nil {
				return records, err
			}
			continue
		}
		n, err := f.append(records[:length])
		records = records[n:]
		if err != nil {
			return records, err
		}
	}
	return nil, nil
}

// append writes records behind those that are there, and returns the length of
// those that are now in the file. Half a record is taken back.
func (f *File) append(records []byte) (int, error) {
	n, err := f.writeAll(records)
	if err != nil {
		_, n = f.intake.fit(records, int64(n))
		_ = f.current.disk.Truncate(f.size + int64(n)) // the first error tells more
	}
	f.size += int64(n)
	f.publish()
	return n, err
}

// writeAll writes as much as there is room for: what is refused is tried again
// in smaller pieces, because tmpfs takes nothing of a large one that does not
// fit.
func (f *File) writeAll(records []byte) (n int, err error) {
	for piece := len(records); n < len(records); {
		did, err := f.current.disk.WriteAt(records[n:min(n+piece, len(records))], f.size+int64(n))
		n += did
		if err != nil && piece <= smallPiece {
			return n, err
		}
		if err != nil {
			piece /= 2
		}
	}
	return n, nil
}

// lose counts records that are not kept: those that were too late for a
// capture with a limit do not count.
func (f *File) lose(records []byte, err error) {
	frames, _ := f.intake.fit(records, math.MaxInt64)
	if err == ErrLimit {
		f.intake.unseen(frames)
	} else {
		f.intake.dropped(frames)
	}
}

func (f *File) empty() bool { return f.size == int64(len(f.header)) }

// checkAge ends or replaces a file that is too old, unless it is empty and
// could as well be the next one.
func (f *File) checkAge() error {
	switch {
	case f.options.MaxAge == 0 || time.Since(f.opened) < f.options.MaxAge:
		return nil
	case f.options.Files > 1 && f.empty():
		f.opened = time.Now()
		return nil
	}
	return f.full()
}

// full goes on in a new file, if it may.
func (f *File) full() error {
	if f.options.Files == 1 {
		return ErrLimit
	}
	if err := f.finish(); err != nil {
		return err
	}
	name, err := f.place.retire(f.current.disk)
	if err != nil {
		return err
	}
	f.current.name = name
	return f.begin()
}

// finish writes what comes after the last record.
func (f *File) finish() error {
	trailer := f.intake.trailer(f.intake.count(), f.began, time.Now())
	if _, err := f.current.disk.WriteAt(trailer, f.size); err != nil {
		_ = f.current.disk.Truncate(f.size)
		return err
	}
	f.size += int64(len(trailer))
	f.publish()
	return nil
}

// begin makes a file the current one.
func (f *File) begin() error {
	d, err := f.place.create(f.place.path)
	if err != nil {
		return err
	}
	if _, err := d.WriteAt(f.header, 0); err != nil {
		_ = d.Close()
		_ = os.Remove(f.place.path) // nobody could read it
		return err
	}
	f.size, f.opened, f.checked = int64(len(f.header)), time.Now(), time.Now()
	f.current = &segment{disk: d, name: f.place.path, size: f.size, kept: true}
	return f.keep(f.current)
}
