package v2

import "github.com/lanyard-lab/lanyard/controller/api/route"

func (h *handler) settingsRows() []route.Row { return nil }
