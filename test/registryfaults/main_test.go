// Package registryfaults holds mirrord's registry side against upstream registries,
// token servers and operators' accidents: internal/faulty plays the registry, the
// real mirrord stands before it, and a plain HTTP client asks.
package registryfaults

import (
	"flag"
	"testing"

	"mirrord/test/rig"
)

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "6") // most tests wait, whatever the machine; the flag exists
	rig.Main(m)
}

// timeouts short enough that upstreams that hang do not make the tests long, and long
// enough for those that do not on a busy machine.
const timeouts = "upstream: {connect_timeout: 2s, header_timeout: 1500ms, idle_timeout: 1500ms}\n"
