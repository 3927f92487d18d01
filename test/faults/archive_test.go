package faults

import (
	"maps"
	"slices"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// publish puts a tree below base ("/x").
func publish(u *faulty.Server, base string, tree rig.Tree) {
	for p, data := range tree {
		u.Set(base+"/"+p, data)
	}
}

func sortedKeys(m map[string][]byte) []string { return slices.Sorted(maps.Keys(m)) }
