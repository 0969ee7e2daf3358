package route

import (
	"errors"
	"strings"
	"testing"

	"github.com/lanyard-lab/lanyard/controller"
)

func TestScriptSize(t *testing.T) {
	for _, tc := range []struct {
		name   string
		script string
		want   controller.Code // Internal: accepted
	}{
		{"empty", "", controller.Internal},
		{"largest", strings.Repeat("x", MaxScript), controller.Internal},
		{"larger", strings.Repeat("x", MaxScript+1), controller.TooLarge},
		{"NUL", "a\x00", controller.Invalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := NodeFields{StartupScript: &tc.script}.Check()
			domain, ok := errors.AsType[*controller.Error](err)
			if (err == nil) != (tc.want == controller.Internal) || ok && domain.Code != tc.want {
				t.Errorf("Check() = %v, want code %v", err, tc.want)
			}
		})
	}
}
