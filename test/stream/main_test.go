// Package stream tests what mirrord is for: many clients on one object that comes
// once, each served as if it were there already.
package stream

import (
	"testing"

	"mirrord/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }
