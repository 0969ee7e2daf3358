// Package nio carries layer-2 frames: the ends of pipes (NIOs) and the
// bridges that join two of them.
//
// A frame is an opaque Ethernet frame without FCS, 14 bytes to 64 KiB.
// Nothing here looks at its type.
package nio

// MaxFrame is the length in bytes of the longest frame that is carried.
const MaxFrame = 64 << 10

// MinFrame is the length in bytes of an Ethernet header, the shortest frame.
const MinFrame = 14

// Sink takes a batch of frames. The frames are valid until it returns; it must
// neither change nor keep them. It must not block.
type Sink func(frames [][]byte)

// NIO is one end of a layer-2 pipe. Frames that come out of the pipe are
// pushed into a Sink, so an idle NIO without a socket holds no goroutine.
// All methods are safe for concurrent use.
type NIO interface {
	// Receive sets where frames that come in go; nil drops them. It may be
	// called at any time. The old sink may still be running when it returns.
	Receive(Sink)
	// Write sends a batch. Frames that cannot be sent are dropped and
	// counted; an error means that the whole NIO is unusable.
	Write(frames [][]byte) error
	// Close releases what the NIO holds and waits for its goroutines.
	Close() error
}

// Dropper is a NIO or a Filter that counts the frames it dropped.
type Dropper interface {
	// EachDrop calls f with each cause, in one or two words, and its count.
	EachDrop(f func(cause string, frames uint64))
}
