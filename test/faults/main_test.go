// Package faults holds mirrord against upstreams, disks, clients and operators
// that misbehave, and against kill -9.
package faults

import (
	"testing"

	"mirrord/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }
