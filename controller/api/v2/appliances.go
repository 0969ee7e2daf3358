package v2

import "github.com/lanyard-lab/lanyard/controller/api/route"

func (h *handler) applianceRows() []route.Row { return nil }
