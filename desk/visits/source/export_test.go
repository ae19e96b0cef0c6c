package source

import (
	"maps"
	"slices"
)

// Hosts are those of the lists.
func Hosts() []string { return slices.Sorted(maps.Keys(sites())) }
