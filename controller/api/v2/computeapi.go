package v2

import "github.com/lanyard-lab/lanyard/controller/api/route"

func (h *handler) computeAPIRows() []route.Row { return nil }
