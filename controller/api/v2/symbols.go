package v2

import "github.com/lanyard-lab/lanyard/controller/api/route"

func (h *handler) symbolRows() []route.Row { return nil }
