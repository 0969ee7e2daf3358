package v2

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/lanyard-lab/lanyard/controller"
	"github.com/lanyard-lab/lanyard/controller/api/route"
)

func TestRender(t *testing.T) {
	for _, tc := range []struct {
		name  string
		view  any
		field string
		want  any
	}{
		{"node", controller.NodeView{ID: "n", Status: "started"}, "vm_id", "n"},
		{"node without properties", controller.NodeView{}, "properties", map[string]any{}},
		{"link", controller.LinkView{ID: "l"}, "link_id", "l"},
		{"capturing link", controller.LinkView{CapturePath: "/a/b.pcap"}, "capture_file_name", "b.pcap"},
		{"open project", controller.ProjectView{ID: "p", Open: true}, "status", "opened"},
		{"closed project", controller.ProjectView{File: "a_b.gns3"}, "filename", "a_b.gns3"},
		{"nothing", nil, "vm_id", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text, err := json.Marshal(Render(tc.view))
			if err != nil {
				t.Fatal(err)
			}
			var object map[string]any
			if err := json.Unmarshal(text, &object); err != nil {
				t.Fatalf("Render(%+v) is %s, which is no object", tc.view, text)
			}
			if got := fmt.Sprint(object[tc.field]); got != fmt.Sprint(tc.want) {
				t.Errorf("Render(%+v) has %s = %v, want %v", tc.view, tc.field, got, tc.want)
			}
		})
	}
}

// BenchmarkNodes encodes a list of 1000 nodes.
func BenchmarkNodes(b *testing.B) {
	gin.SetMode(gin.ReleaseMode)
	views := make([]controller.NodeView, 1000)
	for i := range views {
		views[i] = controller.NodeView{
			ID: "6f1b2c9e-2f6c-4c1e-9a3c-0a6f0e1d2b3c", ProjectID: "6f1b2c9e-2f6c-4c1e-9a3c-0a6f0e1d2b3c",
			Name: fmt.Sprint("PC", i), Type: "vpcs", Emulator: "pc", Status: "started", Console: 2000 + i,
			ConsoleHost: "127.0.0.1", Folder: "/var/lib/lanyard/projects/x", Properties: map[string]any{"mac": "00:50:79:66:68:00"},
		}
	}
	for b.Loop() {
		list := make([]node, len(views))
		for i, v := range views {
			list[i] = nodeOf(v)
		}
		c, _ := gin.CreateTestContext(httptest.NewRecorder())
		if err := route.JSON(c, http.StatusOK, list); err != nil {
			b.Fatal(err)
		}
	}
}
