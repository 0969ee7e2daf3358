package v2

import (
	"errors"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

// TestControllersGetStatusesTheyKnow has a route of the compute API and one of
// the controller's fail in every way.
func TestControllersGetStatusesTheyKnow(t *testing.T) {
	for _, tc := range []struct {
		name string
		code controller.Code
		want controller.Code // on the compute API
	}{
		{"bug", controller.Internal, controller.Internal},
		{"bad request", controller.Invalid, controller.Invalid},
		{"unknown", controller.NotFound, controller.NotFound},
		{"not allowed", controller.Forbidden, controller.Forbidden},
		{"conflict", controller.Conflict, controller.Conflict},
		{"not now", controller.Unavailable, controller.Unavailable},
		{"too slow", controller.Timeout, controller.Timeout},
		{"not possible here", controller.NotImplemented, controller.Conflict},
		{"disk full", controller.NoSpace, controller.Conflict},
		{"too large", controller.TooLarge, controller.Conflict},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fails := func(*gin.Context) error { return controller.Errorf(tc.code, "cannot do it") }
			nio := tc.want
			if tc.code == controller.NotImplemented {
				nio = tc.code
			}
			rows := plainly([]route.Row{
				route.Get("/v2/compute/x", route.SignedIn, nil, fails), route.Get("/v2/compute/x/nio", route.SignedIn, nil, fails),
				route.Get("/v2/computes", route.SignedIn, nil, fails),
			})
			for i, want := range []controller.Code{tc.want, nio, tc.code} {
				var got *controller.Error
				if err := rows[i].Handler(nil); !errors.As(err, &got) || got.Code != want || got.Message != "cannot do it" {
					t.Errorf("%s fails with %v, want code %v and the message", rows[i].Path, err, want)
				}
			}
		})
	}
}
