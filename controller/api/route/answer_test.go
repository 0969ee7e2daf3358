package route

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
)

func TestWriteErrorGivesTheEnvelope(t *testing.T) {
	const secret = "dial unix /run/x: connection refused"
	for _, tc := range []struct {
		name   string
		err    error
		status int
		want   string
	}{
		{"invalid", controller.Errorf(controller.Invalid, "cannot a"), 400, "cannot a"},
		{"unauthorized", controller.Errorf(controller.Unauthorized, "cannot a"), 401, "cannot a"},
		{"forbidden", controller.Errorf(controller.Forbidden, "cannot a"), 403, "cannot a"},
		{"not found", controller.Errorf(controller.NotFound, "cannot a"), 404, "cannot a"},
		{"conflict", controller.Errorf(controller.Conflict, "cannot <a> & \"b\""), 409, "cannot <a> & \"b\""},
		{"too large", controller.Errorf(controller.TooLarge, "cannot a"), 413, "cannot a"},
		{"not implemented", controller.Errorf(controller.NotImplemented, "cannot a"), 501, "cannot a"},
		{"unavailable", controller.Errorf(controller.Unavailable, "cannot a"), 503, "cannot a"},
		{"timeout", controller.Errorf(controller.Timeout, "cannot a"), 504, "cannot a"},
		{"no space", controller.Errorf(controller.NoSpace, "cannot a"), 507, "cannot a"},
		{"wrapped", fmt.Errorf("outside: %w", controller.Errorf(controller.Conflict, "cannot a")), 409, "cannot a"},
		{"deadline", fmt.Errorf("x: %w", context.DeadlineExceeded), 504, "time limit"},
		{"internal", controller.Errorf(controller.Internal, secret), 500, "request req-1"},
		{"plain", errors.New(secret), 500, "request req-1"},
		{"canceled by nobody", context.Canceled, 500, "request req-1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := httptest.NewRecorder()
			c, _ := gin.CreateTestContext(rec)
			c.Request = httptest.NewRequest(http.MethodGet, "/", nil)
			c.Header(RequestIDHeader, "req-1")
			WriteError(c, tc.err)
			var got struct {
				Status  int
				Message string
			}
			if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
				t.Fatalf("answer %q is not JSON: %v", rec.Body, err)
			}
			if rec.Code != tc.status || got.Status != tc.status || !strings.Contains(got.Message, tc.want) {
				t.Errorf("WriteError(%v) = %d %+v, want %d with %q", tc.err, rec.Code, got, tc.status, tc.want)
			}
			if strings.Contains(rec.Body.String(), secret) {
				t.Errorf("WriteError(%v) gave the cause away: %s", tc.err, rec.Body)
			}
			if got := rec.Header().Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type = %q, want application/json", got)
			}
		})
	}
}
