package rpm

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"mirrord/internal/repo"
)

const (
	sum256 = "0855ef06b2286fc0e461e27862d95c716677e197dd641eb86e03712e1cc95374"
	os40   = "releases/40/Everything/x86_64/os"
)

func TestPlan(t *testing.T) {
	for _, tc := range []struct {
		path, want string // class, roots, member
	}{
		{"repodata/repomd.xml", `root [""] repodata/repomd.xml`},
		{os40 + "/repodata/repomd.xml", `root ["` + os40 + `"] repodata/repomd.xml`},
		{os40 + "/repodata/repomd.xml.asc", `root ["` + os40 + `"] repodata/repomd.xml.asc`},
		{"a/repodata/repomd.xml.key", "free []"},
		{"a/repodata/sub/repomd.xml", `index ["a"]`},
		{"repomd.xml", "free []"},
		{"a/b/repodata/comps.xml", `index ["a/b"]`},
		{"a/repodata/b/repodata/c", `index ["a/repodata/b" "a"]`},
		{"repodata/repodata/c", `index ["repodata" ""]`},
		{"repodata/a/b.rpm", `index [""]`},
		{"myrepodata/comps.xml", "free []"},
		{"repodata", "free []"},
		{"a/repodata", "free []"},
		{os40 + "/Packages/h/hello-2.0-1.x86_64.rpm", `leaf ["` + os40 + `" "` + os40 + `/Packages/h" "` + os40 + `/Packages" "` +
			`releases/40/Everything/x86_64" "releases/40/Everything" "releases/40" "releases" ""]`},
		{"hello-2.0-1.noarch.rpm", `leaf [""]`},
		{"oss/x86_64/hello.rpm", `leaf ["oss/x86_64" "oss" ""]`},
		{"u/drpms/hello.drpm", `leaf ["u" "u/drpms" ""]`},
		{"a/b/c/d/e/f/g/h/i/j/x.rpm", `leaf ["a/b/c/d/e/f/g/h/i/j" "a/b/c/d/e/f/g/h/i" "a/b/c/d/e/f/g/h" "a/b/c/d/e/f/g" "a/b/c/d/e/f" "a/b/c/d/e" "a/b/c/d" "a/b/c"]`},
		{os40 + "/.treeinfo", "free []"},
		{os40 + "/images/install.img", "free []"},
		{"RPM-GPG-KEY-EPEL-9", "free []"},
	} {
		plan, err := Adapter{}.Plan(tc.path)
		class := map[repo.Class]string{repo.Free: "free", repo.Root: "root", repo.Index: "index", repo.Leaf: "leaf"}[plan.Class]
		got := strings.TrimSpace(fmt.Sprintf("%s %q %s", class, plan.Roots, plan.Member))
		if err != nil || plan.Path != tc.path || got != tc.want {
			t.Errorf("%s is %s, %v; want %s", tc.path, got, err, tc.want)
		}
	}
	if _, err := (Adapter{}).Plan(""); !errors.Is(err, repo.ErrNotFile) {
		t.Errorf("Plan of the top: %v", err)
	}
}

// TestPlanOfMetadata: a file's role, what vouches and what stands for what.
func TestPlanOfMetadata(t *testing.T) {
	sum512, sum1, sum5 := sum256+sum256, sum256[:40], sum256[:32]
	for _, tc := range []struct {
		file, digest, role, rebuilds string
		vouches                      bool
	}{
		{"primary.xml.gz", "", "primary.xml.gz", "", true},
		{sum256 + "-primary.xml.zst", "sha256:" + sum256, "primary.xml.zst", "", true},
		{sum512 + "-primary.xml.xz", "sha512:" + sum512, "primary.xml.xz", "", true},
		{sum1 + "-primary.xml", "", "primary.xml", "", true},
		{sum5 + "-primary.xml.bz2", "", "primary.xml.bz2", "", true},
		{sum256 + "-prestodelta.xml.gz", "sha256:" + sum256, "prestodelta.xml.gz", "", true},
		{sum256 + "-deltainfo.xml.gz", "sha256:" + sum256, "deltainfo.xml.gz", "", true},
		{sum256 + "-filelists.xml.gz", "sha256:" + sum256, "filelists.xml.gz", "", false},
		{sum256 + "-filelists.xml.zck", "sha256:" + sum256, "filelists.xml.zck", "", false},
		{sum256 + "-primary.xml.zck", "sha256:" + sum256, "primary.xml.zck", "primary.xml", false},
		{"prestodelta.xml.zck", "", "prestodelta.xml.zck", "prestodelta.xml", false},
		{sum256 + "-primary.sqlite.bz2", "sha256:" + sum256, "primary.sqlite.bz2", "primary.xml", false},
		{"primary.sqlite", "", "primary.sqlite", "primary.xml", false},
		{sum256 + "-", "", sum256 + "-", "", false},
		{"comps-Everything.x86_64.xml", "", "comps-Everything.x86_64.xml", "", false},
		{sum256 + "-comps-Everything.x86_64.xml", "sha256:" + sum256, "comps-Everything.x86_64.xml", "", false},
	} {
		for _, dir := range []string{"", "a/b"} {
			in := func(name string) string {
				if name == "" {
					return ""
				}
				return join(dir, "repodata/"+name)
			}
			plan, err := Adapter{}.Plan(in(tc.file))
			if err != nil || string(plan.Digest) != tc.digest || plan.Role != in(tc.role) || plan.Rebuilds != in(tc.rebuilds) || plan.Vouches != tc.vouches {
				t.Errorf("%+v, %v; want %+v", plan, err, tc)
			}
			if want := map[bool]string{true: dir}[tc.vouches]; plan.Base != want {
				t.Errorf("%s counts from %q, want %q", tc.file, plan.Base, want)
			}
		}
	}
	if plan, _ := (Adapter{}).Plan("a/repodata/repomd.xml"); plan.Rebuilds != "a/repodata/primary.xml" {
		t.Errorf("a root leads to %q", plan.Rebuilds)
	}
	if got := fmt.Sprint(Adapter{}.Members()); got != "[[repodata/repomd.xml repodata/repomd.xml.asc]]" {
		t.Errorf("Members = %v", got)
	}
}
