package apt

import (
	"errors"
	"path"
	"slices"
	"strings"
	"testing"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

const hash256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestPlanOfRoots(t *testing.T) {
	for _, tc := range []struct{ in, dir, member string }{
		{"dists/bookworm/InRelease", "dists/bookworm", "InRelease"},
		{"dists/bookworm/Release", "dists/bookworm", "Release"},
		{"dists/bookworm/Release.gpg", "dists/bookworm", "Release.gpg"},
		{"dists/bookworm-security/InRelease", "dists/bookworm-security", "InRelease"},
		{"dists/buster/updates/InRelease", "dists/buster/updates", "InRelease"},
		{"debian/dists/sid/InRelease", "debian/dists/sid", "InRelease"},
		{"ubuntu/dists/jammy-updates/Release", "ubuntu/dists/jammy-updates", "Release"},
		{"InRelease", "", "InRelease"},
		{"Debian_12/Release.gpg", "Debian_12", "Release.gpg"},
		{"core:/stable:/v1.30/deb/InRelease", "core:/stable:/v1.30/deb", "InRelease"},
		{"source/Release", "source", "Release"}, // a flat repository of that name
	} {
		got, err := Adapter{}.Plan(tc.in)
		if err != nil || got.Class != repo.Root || got.Member != tc.member || !slices.Equal(got.Roots, []string{tc.dir}) || got.Vouches || got.Path != tc.in {
			t.Errorf("Plan(%q) = %+v, %v", tc.in, got, err)
		}
	}
	if _, err := (Adapter{}).Plan(""); !errors.Is(err, repo.ErrNotFile) {
		t.Errorf("Plan of the top: %v", err)
	}
}

func TestPlanOfIndexes(t *testing.T) {
	for _, tc := range []struct {
		in    string
		roots string // separated by commas
		base  string // "-" where the index vouches for nothing
	}{
		{"dists/bookworm/main/binary-amd64/Packages.xz", "dists/bookworm,dists/bookworm/main", ""},
		{"dists/bookworm/main/binary-amd64/Packages", "dists/bookworm,dists/bookworm/main", ""},
		{"x/dists/bookworm/main/source/Sources.gz", "x/dists/bookworm,x/dists/bookworm/main", "x"},
		{"a/b/dists/jammy/universe/binary-arm64/Packages.zst", "a/b/dists/jammy,a/b/dists/jammy/universe", "a/b"},
		{"dists/bookworm/main/debian-installer/binary-amd64/Packages.xz", "dists/bookworm,dists/bookworm/main", ""},
		{"dists/bookworm/main/debian-installer/binary-amd64/Release", "dists/bookworm,dists/bookworm/main", "-"},
		{"dists/bookworm/main/binary-amd64/Release", "dists/bookworm,dists/bookworm/main", "-"},
		{"dists/bookworm/main/source/Release", "dists/bookworm,dists/bookworm/main", "-"},
		{"dists/buster/updates/main/binary-amd64/Packages.xz", "dists/buster/updates,dists/buster,dists/buster/updates/main", ""},
		{"dists/bookworm/main/i18n/Translation-en.bz2", "dists/bookworm,dists/bookworm/main", "-"},
		{"dists/bookworm/main/Contents-amd64.gz", "dists/bookworm,dists/bookworm/main", "-"},
		{"dists/bookworm/main/dep11/Components-amd64.yml.xz", "dists/bookworm,dists/bookworm/main", "-"},
		{"dists/bookworm/main/dep11/icons-64x64.tar.gz", "dists/bookworm,dists/bookworm/main", "-"},
		{"dists/jammy/main/cnf/Commands-amd64.xz", "dists/jammy,dists/jammy/main", "-"},
		{"dists/sid/main/binary-amd64/Packages.diff/Index", "dists/sid,dists/sid/main", "dists/sid/main/binary-amd64/Packages.diff"},
		{"dists/sid/main/binary-amd64/Packages.diff/T-2024-01-01-0000.00-F-2023-12-31-0000.00.gz", "dists/sid,dists/sid/main", "-"},
		{"dists/bookworm/main/installer-amd64/current/images/SHA256SUMS", "dists/bookworm,dists/bookworm/main", "dists/bookworm/main/installer-amd64/current/images"},
		{"dists/bookworm/main/installer-amd64/current/images/netboot/netboot.tar.gz", "dists/bookworm,dists/bookworm/main", "-"},
		{"dists/bookworm/main/installer-amd64/current/images/netboot/debian-installer/amd64/linux", "dists/bookworm,dists/bookworm/main", "-"},
		{"dists/source/main/binary-amd64/Packages", "dists/source,dists/source/main", ""},
		{"dists/README", "dists", "-"},
		// flat
		{"Packages.gz", "", ""},
		{"Sources", "", ""},
		{"Debian_12/Packages", "Debian_12,", "Debian_12"},
		{"repositories/home:/foo/Debian_12/Packages.gz", "repositories/home:/foo/Debian_12,repositories/home:/foo,repositories/home:,repositories,", "repositories/home:/foo/Debian_12"},
		{"Debian_12/Packages.diff/Index", "Debian_12,", "Debian_12/Packages.diff"},
		{"binary/Contents-amd64.gz", "binary,", "-"},
		{"en/Translation-en.xz", "en,", "-"},
		{"source/Sources.xz", "source,", "source"},
		{"images/SHA256SUMS", "images,", "images"},
		{"dists/odd/Packages.gz", "dists/odd", "dists/odd"}, // a flat repository in dists
	} {
		got, err := Adapter{}.Plan(tc.in)
		vouches, base := tc.base != "-", strings.TrimPrefix(tc.base, "-")
		if err != nil || got.Class != repo.Index || got.Vouches != vouches || got.Base != base || got.Digest != "" || got.Member != "" {
			t.Errorf("Plan(%q) = %+v, %v; want an Index, base %q", tc.in, got, err, tc.base)
		}
		if roots := strings.Join(got.Roots, ","); roots != tc.roots {
			t.Errorf("Plan(%q).Roots = %q, want %q", tc.in, roots, tc.roots)
		}
	}
}

func TestPlanOfByHash(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want digest.Digest
	}{
		{"dists/bookworm/main/binary-amd64/by-hash/SHA256/" + hash256, "sha256:" + hash256},
		{"x/dists/bookworm/main/binary-amd64/by-hash/SHA512/" + hash256 + hash256, "sha512:" + hash256 + hash256},
		{"dists/bookworm/by-hash/MD5Sum/" + hash256[:32], digest.Digest("md5:" + hash256[:32])},
		{"by-hash/SHA1/" + hash256[:40], digest.Digest("sha1:" + hash256[:40])},
		{"deb/by-hash/SHA256/" + hash256, "sha256:" + hash256},
		{"dists/bookworm/main/binary-amd64/by-hash/SHA256/" + hash256[1:], ""},
		{"dists/bookworm/main/binary-amd64/by-hash/SHA256/" + hash256[:40], ""},
		{"dists/bookworm/main/binary-amd64/by-hash/SHA256/g" + hash256[1:], ""},
		{"dists/bookworm/main/binary-amd64/by-hash/CRC32/" + hash256, ""},
		{"dists/bookworm/main/binary-amd64/by-hash/" + hash256, ""},
	} {
		got, err := Adapter{}.Plan(tc.in)
		if err != nil || got.Class != repo.Index || got.Digest != tc.want || got.Vouches || got.Base != "" {
			t.Errorf("Plan(%q) = %+v, %v; want %q", tc.in, got, err, tc.want)
		}
		if top := got.Roots[0]; strings.Contains(top, "by-hash") || strings.Contains(top, "binary-") {
			t.Errorf("Plan(%q).Roots = %q", tc.in, got.Roots)
		}
	}
}

func TestPlanOfFiles(t *testing.T) {
	for _, tc := range []struct {
		in    string
		class repo.Class
		roots string
	}{
		{"pool/main/h/hello/hello_2.10-3_amd64.deb", repo.Leaf, ""},
		{"pool/updates/main/o/openssl/openssl_3.0.11-1~deb12u2_amd64.deb", repo.Leaf, ""},
		{"ubuntu/pool/main/h/hello/hello_2.10.orig.tar.gz.asc", repo.Leaf, ""},
		{"ppa/user/name/ubuntu/pool/main/h/hello/anything", repo.Leaf, ""},
		{"dists/stable/main/binary-amd64/foo_1.0_amd64.deb", repo.Leaf, "dists/stable,dists/stable/main"},
		{"dists/stable/main/binary-amd64/foo_1.0_amd64.udeb", repo.Leaf, "dists/stable,dists/stable/main"},
		{"dists/stable/main/source/foo_1.0.dsc", repo.Leaf, "dists/stable,dists/stable/main"},
		{"dists/stable/main/source/foo_1.0.orig.tar.xz", repo.Leaf, "dists/stable,dists/stable/main"},
		{"dists/stable/main/source/foo_1.0-1.diff.gz", repo.Leaf, "dists/stable,dists/stable/main"},
		{"amd64/kubeadm_1.30.0-1.1_amd64.deb", repo.Leaf, "amd64,"},
		{"foo_1.0.tar", repo.Leaf, ""},
		{"foo-dbgsym_1.0_amd64.ddeb", repo.Leaf, ""},
		{"Debian_12/Release.key", repo.Free, ""},
		{"README", repo.Free, ""},
		{"ls-lR.gz", repo.Free, ""},
		{"doc/constitution.txt", repo.Free, ""},
		{"archive-key.asc", repo.Free, ""},
	} {
		got, err := Adapter{}.Plan(tc.in)
		if err != nil || got.Class != tc.class || strings.Join(got.Roots, ",") != tc.roots || got.Vouches {
			t.Errorf("Plan(%q) = %+v, %v; want class %v, roots %q", tc.in, got, err, tc.class, tc.roots)
		}
	}
}

func FuzzPlan(f *testing.F) {
	f.Add("dists/bookworm/main/binary-amd64/Packages.xz")
	f.Fuzz(func(t *testing.T, name string) {
		clean, err := repo.CleanName(name)
		if err != nil {
			return
		}
		plan, err := Adapter{}.Plan(clean)
		if err != nil || plan.Path != clean {
			t.Fatalf("Plan(%q) = %+v, %v", clean, plan, err)
		}
		for _, root := range plan.Roots {
			if root != "" && !strings.HasPrefix(clean, root+"/") {
				t.Fatalf("Plan(%q) has root %q, not above it", clean, root)
			}
		}
		if plan.Base != "" && !strings.HasPrefix(clean, plan.Base+"/") {
			t.Fatalf("Plan(%q) has base %q, not above it", clean, plan.Base)
		}
		switch {
		case plan.Class == repo.Root && (len(plan.Roots) != 1 || join(plan.Roots[0], plan.Member) != clean),
			plan.Class == repo.Index && len(plan.Roots) == 0,
			plan.Class != repo.Index && (plan.Vouches || plan.Digest != ""),
			plan.Digest != "" && plan.Digest.Hex() != strings.ToLower(path.Base(clean)):
			t.Fatalf("Plan(%q) = %+v", clean, plan)
		}
	})
}
