package stream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// Bytes answers 200 with all that the stream has until it or the client ends.
// open is called before the answer begins, so that its error is answered as
// one. Bytes closes what it returned.
func Bytes(c *gin.Context, contentType string, open func(context.Context) (io.ReadCloser, error)) error {
	ctx, cancel := context.WithCancel(c.Request.Context())
	defer cancel()
	source, err := open(ctx)
	if err != nil {
		return err
	}
	// Closing is what ends a read that waits.
	defer context.AfterFunc(ctx, func() { _ = source.Close() })()
	defer source.Close()
	c.Header("Content-Type", contentType)
	c.Header("Cache-Control", "no-store")
	c.Writer.WriteHeader(http.StatusOK)
	w := flusher{w: c.Writer, control: http.NewResponseController(c.Writer)}
	if err := w.control.Flush(); err != nil {
		return nil
	}
	// It ends with the source or the client; nobody is left to tell why.
	_, _ = io.Copy(w, source)
	_ = w.control.SetWriteDeadline(time.Time{})
	return nil
}

// With binds what to a function that opens a stream.
func With[T any](open func(context.Context, T) (io.ReadCloser, error), what T) func(context.Context) (io.ReadCloser, error) {
	return func(ctx context.Context) (io.ReadCloser, error) { return open(ctx, what) }
}

// flusher sends each piece at once. A client that takes none for a while is
// cut off.
type flusher struct {
	w       io.Writer
	control *http.ResponseController
}

// Write sends p.
func (f flusher) Write(p []byte) (int, error) {
	if err := f.control.SetWriteDeadline(time.Now().Add(bytesTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := f.w.Write(p)
	if err != nil {
		return n, err
	}
	return n, f.control.Flush()
}

// bytesTimeout is how long a client may take no bytes. A capture waits for a
// viewer that is paused; what is behind it bounds what that costs.
const bytesTimeout = 10 * time.Minute
