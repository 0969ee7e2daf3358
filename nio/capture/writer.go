package capture

import (
	"encoding/binary"
	"time"
)

// write is the goroutine that brings the buffer to the disk: at latest after
// flushEvery, earlier when there is much. While nothing comes it only waits.
func (f *File) write() {
	defer close(f.stopped)
	timer := time.NewTimer(flushEvery)
	timer.Stop()
	var spare []byte
	for {
		select {
		case <-f.some:
		case <-f.stop:
			return
		}
		timer.Reset(flushEvery)
		select {
		case <-timer.C:
		case <-f.much:
		case <-f.stop:
			return
		}
		timer.Stop()
		spare = f.swap(spare)
		_ = f.flushRecords(spare)
		if cap(spare) > keepBuffer && len(spare) < cap(spare)/4 {
			spare = nil // the burst that needed it is over
		}
		spare = spare[:0]
	}
}

// swap takes the buffer and leaves next in its place.
func (f *File) swap(next []byte) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	full := f.buffer
	f.buffer = next
	return full
}

// flush writes what is in the buffer now.
func (f *File) flush(next []byte) error {
	return f.flushRecords(f.swap(next))
}

// flushRecords appends records to the file, and reports and counts those that
// it could not. What is in the file are whole records, so that it can be read
// at any time and go on later.
func (f *File) flushRecords(records []byte) error {
	if len(records) == 0 {
		return f.broken
	}
	if f.broken != nil {
		f.drop(records)
		return f.broken
	}
	n, err := f.disk.WriteAt(records, f.offset)
	if err == nil {
		f.offset += int64(n)
		return nil
	}
	whole := wholeRecords(records, n)
	f.offset += int64(whole)
	if truncateErr := f.disk.Truncate(f.offset); truncateErr != nil {
		f.broken = err
	}
	f.drop(records[whole:])
	if !f.reported && f.onError != nil {
		f.onError(err)
	}
	f.reported = true
	return err
}

func (f *File) drop(records []byte) {
	var n uint64
	for len(records) > 0 {
		records = records[recordLength(records):]
		n++
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.Dropped += n
}

// wholeRecords is the length of the records that end within the first n bytes.
func wholeRecords(records []byte, n int) int {
	whole := 0
	for whole < n {
		next := whole + recordLength(records[whole:])
		if next > n {
			break
		}
		whole = next
	}
	return whole
}

func recordLength(record []byte) int {
	return recordHeader + int(binary.LittleEndian.Uint32(record[8:]))
}
