package v2

import "github.com/lanyard-lab/lanyard/controller/api/route"

func (h *handler) templateRows() []route.Row { return nil }
