package v2

import (
	"errors"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// plainly has the compute API answer only statuses that a controller of GNS3's
// expects. Any other is a fault of its own to a controller: it shows its user
// where in its program that happened, instead of what the answer says.
func plainly(rows []route.Row) []route.Row {
	for i := range rows {
		if strings.HasPrefix(rows[i].Path, computeRoot+"/") {
			rows[i].Handler = conflicting(rows[i].Handler)
		}
	}
	return rows
}

// conflicting makes conflicts, which a controller hands on to its clients with
// their message, of errors whose status GNS3 does not have.
func conflicting(do route.Handler) route.Handler {
	return func(c *gin.Context) error {
		err := do(c)
		var domain *controller.Error
		if !errors.As(err, &domain) {
			return err
		}
		switch domain.Code {
		case controller.NotImplemented, controller.NoSpace, controller.TooLarge:
			return &controller.Error{Code: controller.Conflict, Message: domain.Message, Err: err}
		default:
			return err
		}
	}
}
