package generic

import (
	"errors"
	"strings"
	"testing"

	"mirrord/internal/repo"
)

func TestAdapter(t *testing.T) {
	var a Adapter
	for _, path := range []string{"a", "tools/linux/x86_64/tool-1.2.tar.gz", "dists/stable/InRelease"} {
		plan, err := a.Plan(path)
		if err != nil || plan.Path != path || plan.Class != repo.Free || plan.Roots != nil || plan.Vouches {
			t.Errorf("Plan(%q) = %+v, %v", path, plan, err)
		}
	}
	if _, err := a.Plan(""); !errors.Is(err, repo.ErrNotFile) {
		t.Errorf("Plan of the top: %v", err)
	}
	if len(a.Members()) != 0 {
		t.Errorf("Members = %v", a.Members())
	}
	if _, err := a.Root("", nil); err == nil {
		t.Error("Root takes something for a root")
	}
	if err := a.Read("x", strings.NewReader(""), nil); err == nil {
		t.Error("Read takes something for an index")
	}
}
