package route

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
)

// RequestIDHeader names the request in the answer and in the log.
const RequestIDHeader = "X-Request-Id"

// Answers up to this many bytes are indented, for people who read them in a
// terminal; longer ones are for programs.
const indentLimit = 16 << 10

// problem is the one shape of every error answer.
type problem struct {
	Message string `json:"message"`
	Status  int    `json:"status"`
}

// JSON answers status with v. The Content-Type is exactly "application/json",
// because GNS3's desktop client throws anything else away.
func JSON(c *gin.Context, status int, v any) error {
	body, err := Marshal(v)
	if err != nil {
		return fmt.Errorf("cannot encode answer of %s: %w", c.FullPath(), err)
	}
	Raw(c, status, body)
	return nil
}

// Marshal encodes v as an answer's body, indented when it is small.
func Marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	if buf.Len() > indentLimit {
		return buf.Bytes(), nil
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, buf.Bytes(), "", "    "); err != nil {
		return nil, err
	}
	return indented.Bytes(), nil
}

// Raw answers status with a body that is JSON already.
func Raw(c *gin.Context, status int, body []byte) {
	header := c.Writer.Header()
	header["Content-Type"] = []string{"application/json"}
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	c.Writer.WriteHeader(status)
	// An error here means that the client is gone, and nobody is left to tell.
	_, _ = c.Writer.Write(body)
}

// NoContent answers 204.
func NoContent(c *gin.Context) error {
	c.Writer.WriteHeader(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
	return nil
}

// WriteError answers with err. What is not a *controller.Error is a bug: the
// client is told the request id and not the error's text. It returns the
// status that was written.
func WriteError(c *gin.Context, err error) int {
	status, message := http.StatusInternalServerError, ""
	var domain *controller.Error
	switch {
	case errors.As(err, &domain) && statusOf(domain.Code) != http.StatusInternalServerError:
		status, message = statusOf(domain.Code), domain.Message
	case errors.Is(err, context.DeadlineExceeded):
		status = http.StatusGatewayTimeout
		message = "cannot finish the request: it took longer than its time limit; what it asked for may still happen"
	case errors.Is(err, context.Canceled) && c.Request.Context().Err() != nil:
		status = http.StatusServiceUnavailable
		message = "cannot finish the request: the client hung up or the server is stopping"
	default:
		message = "internal error: this is a fault of the server; its log tells more about request " + c.Writer.Header().Get(RequestIDHeader)
	}
	Problem(c, status, message)
	return status
}

// Problem answers with an error that has no class of its own in the domain.
func Problem(c *gin.Context, status int, message string) {
	c.Abort()
	body, _ := Marshal(problem{Status: status, Message: message}) // two plain fields: cannot fail
	Raw(c, status, body)
}

// statusOf gives the HTTP status of an error's class.
func statusOf(code controller.Code) int {
	switch code {
	case controller.Invalid:
		return http.StatusBadRequest
	case controller.Unauthorized:
		return http.StatusUnauthorized
	case controller.Forbidden:
		return http.StatusForbidden
	case controller.NotFound:
		return http.StatusNotFound
	case controller.Conflict:
		return http.StatusConflict
	case controller.TooLarge:
		return http.StatusRequestEntityTooLarge
	case controller.NotImplemented:
		return http.StatusNotImplemented
	case controller.Unavailable:
		return http.StatusServiceUnavailable
	case controller.Timeout:
		return http.StatusGatewayTimeout
	case controller.NoSpace:
		return http.StatusInsufficientStorage
	default:
		return http.StatusInternalServerError
	}
}
