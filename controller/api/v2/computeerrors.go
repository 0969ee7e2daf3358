package v2

import (
	"errors"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// plainly has the compute API answer only statuses that a controller of GNS3's
// expects. Any other is a fault of its own to a controller: it shows its user
// where in its program that happened, instead of what the answer says. None asks
// for a kind of NIO that is not to be had, so that scripts are told that.
func plainly(rows []route.Row) []route.Row {
	for i := range rows {
		if strings.HasPrefix(rows[i].Path, computeRoot+"/") {
			codes := []controller.Code{controller.NoSpace, controller.TooLarge}
			if !strings.HasSuffix(rows[i].Path, "/nio") {
				codes = append(codes, controller.NotImplemented)
			}
			rows[i].Handler = conflicting(rows[i].Handler, codes)
		}
	}
	return rows
}

// conflicting makes conflicts, which a controller hands on to its clients with
// their message, of errors with one of the codes.
func conflicting(do route.Handler, codes []controller.Code) route.Handler {
	return func(c *gin.Context) error {
		err := do(c)
		domain, ok := errors.AsType[*controller.Error](err)
		if !ok || !slices.Contains(codes, domain.Code) {
			return err
		}
		return &controller.Error{Code: controller.Conflict, Message: domain.Message, Err: err}
	}
}
