package runner

import "github.com/lanyard-lab/lanyard/nio/filter"

// FilterType describes a filter, for whoever draws a form; see filter.Type.
type FilterType = filter.Type

// FilterTypes are the filters that a link can have, GNS3's first.
func FilterTypes() []FilterType { return filter.Types() }
