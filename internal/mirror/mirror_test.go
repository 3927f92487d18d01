package mirror

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/faulty"
)

// update does what apt-get update does.
func (h *house) update(c *Client, a *archive) {
	h.t.Helper()
	h.wants(c, release, a.files[release])
	h.wants(c, packagesGz, a.files[packagesGz])
}

func TestEachFileOnce(t *testing.T) {
	h := newHouse(t, 1)
	a := newArchive("1", "hello", "world").seal(monday)
	a.publish(h.ups[0])
	for i := range 3 {
		c := new(Client)
		h.update(c, a)
		p, data := a.deb("hello", "1")
		ans := h.wants(c, p, data)
		if want := map[bool]cache.How{true: cache.Miss, false: cache.Hit}[i == 0]; ans.How != want || !ans.Strong {
			t.Errorf("round %d: %v, strong %v", i, ans.How, ans.Strong)
		}
	}
	want := []string{
		packagesGz + " 200", suite + "/InRelease 404", release + " 200", suite + "/Release.gpg 404",
		"pool/main/hello/hello_1_amd64.deb 200",
	}
	slices.Sort(want)
	if got := h.asked(); !slices.Equal(got, want) {
		t.Errorf("upstream was asked for\n%q, expected\n%q", got, want)
	}
}

func TestNewGeneration(t *testing.T) {
	for _, byHash := range []bool{false, true} {
		h := newHouse(t, 1)
		old, young := newArchive("1", "hello"), newArchive("2", "hello")
		old.byHash, young.byHash = byHash, byHash
		old.seal(monday).publish(h.ups[0])
		young.seal(tuesday)
		late, other := &Client{Addr: "10.0.0.1"}, &Client{Addr: "10.0.0.2"}
		h.update(other, old)
		h.wants(late, release, old.files[release])
		young.publish(h.ups[0])
		h.advance(2 * time.Minute)
		h.update(other, young)
		// The late client finishes what it began, on its connection or a new one.
		h.wants(late, packagesGz, old.files[packagesGz])
		h.wants(&Client{Addr: "10.0.0.1"}, packagesGz, old.files[packagesGz])
		for p, data := range old.files {
			if strings.Contains(p, "by-hash") && strings.HasSuffix(p, fmt.Sprintf("%x", sum(old.files[packagesGz]))) {
				h.wants(new(Client), p, data)
			}
		}
		p, data := old.deb("hello", "1")
		h.wants(late, p, data)
		p, data = young.deb("hello", "2")
		h.wants(other, p, data)
	}
}

// TestSameNameNewBytes: what a name means follows from the client's generation.
func TestSameNameNewBytes(t *testing.T) {
	h := newHouse(t, 1)
	old, young := newArchive("1", "hello"), newArchive("1", "hello")
	p, data := old.deb("hello", "1")
	changed := strings.ToUpper(data)
	young.files[p] = changed
	index := strings.Replace(young.files[suite+"/main/binary-amd64/Packages"], fmt.Sprintf("%x", sum(data)), fmt.Sprintf("%x", sum(changed)), 1)
	young.files[suite+"/main/binary-amd64/Packages"], young.files[packagesGz] = index, zip(index)
	old.seal(monday).publish(h.ups[0])
	young.seal(tuesday)
	late := new(Client)
	h.update(late, old)
	h.wants(late, p, data)
	young.publish(h.ups[0])
	h.advance(2 * time.Minute)
	now := new(Client)
	h.update(now, young)
	h.wants(now, p, changed)
	h.wants(late, p, data)
}

func TestHalfSynchronised(t *testing.T) {
	h := newHouse(t, 1)
	old, young := newArchive("1", "hello").seal(monday), newArchive("22", "hello").seal(tuesday)
	old.publish(h.ups[0])
	c := new(Client)
	h.update(c, old)
	young.publish(h.ups[0], release)
	h.advance(2 * time.Minute)
	ans := h.wants(c, release, old.files[release])
	if !strings.Contains(ans.CacheStatus(), "stale") {
		t.Errorf("held back without a word: %s", ans.CacheStatus())
	}
	h.wants(c, packagesGz, old.files[packagesGz])
	young.publish(h.ups[0])
	h.advance(2 * time.Minute)
	h.update(c, young)
}

func TestHalfSynchronisedFromTheStart(t *testing.T) {
	h := newHouse(t, 2)
	old, young := newArchive("1", "hello").seal(monday), newArchive("22", "hello").seal(tuesday)
	old.publish(h.ups[0])
	young.publish(h.ups[0], release)
	if a, err := h.open(nil, release); !errors.Is(err, ErrIncomplete) {
		t.Fatalf("%v, %v; expected ErrIncomplete", a, err)
	}
	h.advance(time.Minute)
	young.publish(h.ups[1])
	h.update(new(Client), young)
}

// TestReleaseLeftToRot: a Release that does not agree with InRelease does not hold
// up those who use InRelease.
func TestReleaseLeftToRot(t *testing.T) {
	h := newHouse(t, 1)
	for i, date := range []time.Time{monday, tuesday} {
		a := newArchive(fmt.Sprint(i+1), "hello").seal(date)
		in := h.clearsigned(a.files[release])
		a.files[suite+"/InRelease"] = in
		if i > 0 {
			delete(a.files, release)
		}
		a.publish(h.ups[0])
		h.wants(nil, suite+"/InRelease", in)
		h.wants(nil, packagesGz, a.files[packagesGz])
		if i == 0 {
			h.wants(nil, release, a.files[release])
		}
		h.advance(2 * time.Minute)
	}
}

func TestOlderMirrorIsPassedOver(t *testing.T) {
	h := newHouse(t, 2)
	old, young := newArchive("1", "hello").seal(monday), newArchive("22", "hello").seal(tuesday)
	young.publish(h.ups[0])
	young.publish(h.ups[1])
	h.update(nil, young)
	old.publish(h.ups[0])
	h.advance(2 * time.Minute)
	h.update(nil, young)
	if s := h.m.Upstreams()[0].Mirrors; !s[0].Behind || s[1].Behind {
		t.Errorf("%+v", s)
	}
	// That is remembered, for a while.
	h.asked()
	h.advance(2 * time.Minute)
	h.update(nil, young)
	if got := h.asked(); len(got) != 0 {
		t.Errorf("the older one was asked for %q", got)
	}
	newest := newArchive("333", "hello").seal(tuesday.Add(time.Hour))
	newest.publish(h.ups[0])
	newest.publish(h.ups[1])
	h.advance(20 * time.Minute)
	h.update(nil, newest)
	if got := h.asked(); len(got) == 0 || h.m.Upstreams()[0].Mirrors[0].Behind {
		t.Errorf("still passed over, asked for %q", got)
	}
}

func TestByHashFalselyAdvertised(t *testing.T) {
	h := newHouse(t, 1)
	a := newArchive("1", "hello")
	a.byHash = true
	a.seal(monday)
	for p := range a.files {
		if !strings.Contains(p, "by-hash") {
			a.publish(h.ups[0], p)
		}
	}
	c := new(Client)
	h.wants(c, release, a.files[release])
	h.wants(c, fmt.Sprintf("%s/main/binary-amd64/by-hash/SHA256/%x", suite, sum(a.files[packagesGz])), a.files[packagesGz])
}

func TestUnlistedIsNotAskedFor(t *testing.T) {
	h := newHouse(t, 1)
	a := newArchive("1", "hello").seal(monday)
	a.publish(h.ups[0])
	h.update(nil, a)
	h.asked()
	unknown := suite + "/main/binary-amd64/by-hash/SHA256/" + strings.Repeat("ab", 32)
	for range 2 {
		if _, err := h.open(nil, suite+"/main/binary-riscv64/Packages.gz"); !errors.Is(err, ErrNotListed) {
			t.Errorf("%v, expected ErrNotListed", err)
		}
		if _, err := h.open(nil, unknown); !absent(err) {
			t.Errorf("%v, expected 404", err)
		}
	}
	if got := h.asked(); len(got) > 1 {
		t.Errorf("upstream was asked for %q", got)
	}
}

func TestUnvouchedLeafIsPassedThrough(t *testing.T) {
	h := newHouse(t, 1)
	h.ups[0].Set("/pool/x.deb", []byte("x"))
	for range 2 {
		ans := h.wants(nil, "pool/x.deb", "x")
		if ans.Stored || ans.Strong {
			t.Errorf("taken for whole: %s", ans.CacheStatus())
		}
	}
	if st := h.store.Stats(); st.Objects != 0 {
		t.Errorf("%d objects stored", st.Objects)
	}
}

// TestNoRelease: a directory with a Packages and nothing else is served, and its
// packages are checked and kept.
func TestNoRelease(t *testing.T) {
	h := newHouse(t, 1)
	deb := func(version string) string { return strings.Repeat(version, 3000) }
	publish := func(version string) string {
		data := deb(version)
		index := zip(fmt.Sprintf("Package: x\nFilename: ./x.deb\nSize: %d\nSHA256: %x\n\n", len(data), sum(data)))
		h.ups[0].Set("/flat/x.deb", []byte(data))
		h.ups[0].Set("/flat/Packages.gz", []byte(index))
		return index
	}
	for _, version := range []string{"one", "two"} {
		index := publish(version)
		h.wants(nil, "flat/Packages.gz", index)
		if ans := h.wants(nil, "flat/x.deb", deb(version)); !ans.Strong || !ans.Stored {
			t.Errorf("not vouched for: %s", ans.CacheStatus())
		}
		if ans := h.wants(nil, "flat/x.deb", deb(version)); ans.How != cache.Hit {
			t.Errorf("not kept: %s", ans.CacheStatus())
		}
		h.advance(2 * time.Minute)
	}
}

// TestPatchesVouchToo: a client that updates by PDiff never asks for Packages,
// and still gets its packages checked and stored.
func TestPatchesVouchToo(t *testing.T) {
	h := newHouse(t, 1)
	a := newArchive("1", "hello")
	patch := zip("patch")
	a.files[suite+"/main/binary-amd64/Packages.diff/P1.gz"] = patch
	a.files[suite+"/main/binary-amd64/Packages.diff/Index"] = fmt.Sprintf("SHA256-Download:\n %x %d P1.gz\n", sum(patch), len(patch))
	a.seal(monday).publish(h.ups[0])
	h.wants(nil, release, a.files[release])
	h.wants(nil, suite+"/main/binary-amd64/Packages.diff/Index", a.files[suite+"/main/binary-amd64/Packages.diff/Index"])
	h.wants(nil, suite+"/main/binary-amd64/Packages.diff/P1.gz", patch)
	p, data := a.deb("hello", "1")
	if ans := h.wants(nil, p, data); !ans.Strong || !ans.Stored {
		t.Errorf("not vouched for: %s", ans.CacheStatus())
	}
}

func TestInstallerTree(t *testing.T) {
	h := newHouse(t, 1)
	a := newArchive("1", "hello")
	dir := suite + "/main/installer-amd64/current/images/"
	a.files[dir+"SHA256SUMS"] = fmt.Sprintf("%x  ./netboot/linux\n", sum("kernel"))
	a.seal(monday)
	a.files[dir+"netboot/linux"] = "kernel"
	a.publish(h.ups[0])
	h.wants(nil, release, a.files[release])
	h.wants(nil, dir+"SHA256SUMS", a.files[dir+"SHA256SUMS"])
	h.wants(nil, dir+"netboot/linux", "kernel")
	h.ups[0].Set("/"+dir+"netboot/linux", []byte("other!"))
	h.wants(nil, dir+"netboot/linux", "kernel")
}

// TestWrongPackage: a small one is not served before it proved right. Where a mirror
// has it no client notices; where none has, the error says of which repository.
func TestWrongPackage(t *testing.T) {
	for _, c := range []struct {
		mirrors int
		fault   faulty.Fault
		served  bool
	}{
		{1, faulty.Corrupt(100), true}, {1, faulty.Corrupt(100).Always(), false}, {2, faulty.Corrupt(100).Always(), true},
	} {
		h := newHouse(t, c.mirrors)
		a := newArchive("1", "hello").seal(monday)
		for _, u := range h.ups {
			a.publish(u)
		}
		h.update(nil, a)
		p, data := a.deb("hello", "1")
		h.ups[0].Fail("/"+p, c.fault)
		if c.served {
			h.wants(nil, p, data)
			continue
		}
		_, err := h.open(nil, p)
		if !errors.Is(err, cache.ErrMismatch) || !strings.Contains(err.Error(), "deb: "+h.ups[0].URL) {
			t.Errorf("%v, expected the repository and the mirror", err)
		}
		h.ups[0].Heal("/" + p)
		h.advance(2 * time.Minute) // the mirror was blamed
		h.wants(nil, p, data)
	}
}
