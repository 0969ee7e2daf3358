package route

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
)

// SameVersion compares a client's version with the server's; Conflict.
func SameVersion(client, server string) error {
	if client != server {
		return controller.Errorf(controller.Conflict, "cannot work with a client of version %s: this server is version %s", client, server)
	}
	return nil
}

// Shutdown answers 201 and then calls stop, in its own goroutine. A nil stop
// is refused.
func Shutdown(stop func()) Handler {
	return func(c *gin.Context) error {
		if stop == nil {
			return controller.Errorf(controller.Forbidden, "cannot shut the server down by request: its settings do not allow that")
		}
		c.Writer.Header().Set("Content-Length", "0")
		c.Writer.Header().Set("Connection", "close")
		c.Writer.WriteHeader(http.StatusCreated)
		c.Writer.Flush()
		// The context ends when the handler has returned. By then the whole
		// answer, which has no body, is on its way.
		context.AfterFunc(c.Request.Context(), stop)
		return nil
	}
}
