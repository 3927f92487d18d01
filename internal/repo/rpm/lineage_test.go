package rpm

import (
	"strings"
	"testing"

	"mirrord/internal/repo"
)

func TestLineage(t *testing.T) {
	sum := strings.Repeat("a1", 32)
	for name, want := range map[string]repo.Lineage{
		"Packages/o/openssl-libs-3.0.7-1.el9.x86_64.rpm": {Prefix: "Packages/o/openssl-libs", Key: "Packages/o/openssl-libs .x86_64"},
		"python3.11-libs-3.11.2-1.el9.x86_64.rpm":        {Prefix: "python", Key: "python#.#-libs .x86_64"},
		"os/repodata/" + sum + "-primary.xml.gz":         {Prefix: "os/repodata/", Key: "os/repodata/primary.xml.gz"},
		"Packages/o/noversion.rpm":                       {},
		"os/repodata/repomd.xml":                         {},
		"":                                               {},
	} {
		if got := (Adapter{}).Lineage(name); got != want {
			t.Errorf("%s: %+v, expected %+v", name, got, want)
		}
	}
}
