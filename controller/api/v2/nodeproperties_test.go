package v2

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/lanyard-lab/lanyard/controller"
)

// TestAdaptersAmongProperties has them where GNS3's desktop client sends them.
func TestAdaptersAmongProperties(t *testing.T) {
	for _, tc := range []struct{ name, body, want string }{
		{"neither", `{"properties": {"ram": 1}}`, "none, [ram:1]"},
		{"beside", `{"custom_adapters": [{"port_name": "a"}]}`, "[map[port_name:a]], []"},
		{"among", `{"properties": {"custom_adapters": [{"port_name": "b"}], "ram": 1}}`, "[map[port_name:b]], [custom_adapters:<nil> ram:1]"},
		{"both", `{"custom_adapters": [{"port_name": "a"}], "properties": {"custom_adapters": [{"port_name": "b"}]}}`, "[map[port_name:a]], [custom_adapters:<nil>]"},
		{"none", `{"properties": {"custom_adapters": []}}`, "[], [custom_adapters:<nil>]"},
		{"null", `{"properties": {"custom_adapters": null}}`, "none, [custom_adapters:<nil>]"},
		{"a text", `{"properties": {"custom_adapters": "x"}}`, ""},
		{"a list of texts", `{"properties": {"custom_adapters": ["x"]}}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var update nodeUpdate
			if err := json.Unmarshal([]byte(tc.body), &update); err != nil {
				t.Fatal(err)
			}
			err := update.Check()
			if tc.want == "" {
				if wrong, ok := errors.AsType[*controller.Error](err); !ok || wrong.Code != controller.Invalid {
					t.Errorf("Check(%s) = %v, want Invalid", tc.body, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			patch, adapters := update.patch(), "none"
			if patch.Look.CustomAdapters != nil {
				adapters = fmt.Sprint(*patch.Look.CustomAdapters)
			}
			if got := adapters + ", " + fmt.Sprint(patch.Properties)[len("map"):]; got != tc.want {
				t.Errorf("patch of %s has %s, want %s", tc.body, got, tc.want)
			}
		})
	}
}
