package v2

import "github.com/lanyard-lab/lanyard/controller/api/route"

func (h *handler) snapshotRows() []route.Row { return nil }
