package mirror

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mirrord/internal/faulty"
)

// TestRPMSynchronisedAtLast: that upstream did not have what its repomd.xml names is
// forgotten as soon as the root may be tried again; until then it costs upstream one
// question, however many clients ask.
func TestRPMSynchronisedAtLast(t *testing.T) {
	h := newHouse(t, 1)
	old, young := newRPM(h, "1", monday, true), newRPM(h, "2", tuesday, true)
	old.publish(h.ups[0])
	h.makecache(nil, old, "primary.xml.gz")
	young.publish(h.ups[0], "repomd.xml", "primary.xml.gz")
	h.advance(2 * time.Minute)
	h.asked()
	for range 10 {
		h.rpmWants(nil, repomdPath, old.files[repomdPath])
	}
	if got := h.asked(); strings.Count(strings.Join(got, " "), "filelists") != 1 {
		t.Errorf("upstream was asked for %q", got)
	}
	young.publish(h.ups[0])
	h.advance(retryAfter)
	h.makecache(nil, young, "primary.xml.gz")
}

// TestRPMListedAndLate: the same for who asks for the file itself.
func TestRPMListedAndLate(t *testing.T) {
	h := newHouse(t, 1)
	s := newRPM(h, "1", monday, true)
	s.publish(h.ups[0], "repomd.xml", "primary.xml.gz")
	h.rpmWants(nil, repomdPath, s.files[repomdPath])
	late := s.path("filelists.xml.gz")
	for range 3 {
		if a, err := h.m.Open(t.Context(), Request{Repo: "rpm", Path: late}); !errors.Is(err, ErrIncomplete) {
			t.Fatalf("%v, %v; expected ErrIncomplete", a, err)
		}
	}
	if got := h.asked(); strings.Count(strings.Join(got, " "), late) != 1 {
		t.Errorf("upstream was asked for %q", got)
	}
	s.publish(h.ups[0])
	h.advance(retryAfter)
	h.rpmWants(nil, late, s.files[late])
}

// oneRPM is a state of a repository in dir with one package.
func oneRPM(dir, name, data string, date time.Time) *rpmState {
	under := func(p string) string { return join(dir, p) }
	primary := zip(fmt.Sprintf(`<metadata><package><checksum type="sha256">%x</checksum><size package="%d"/><location href="%s"/></package></metadata>`,
		sum(data), len(data), name))
	p := fmt.Sprintf("repodata/%x-primary.xml.gz", sum(primary))
	return &rpmState{files: map[string]string{
		under(name): data, under(p): primary,
		under("repodata/repomd.xml"): fmt.Sprintf(`<repomd><data type="primary"><checksum type="sha256">%x</checksum><location href="%s"/><timestamp>%d</timestamp></data></repomd>`,
			sum(primary), p, date.Unix()),
	}}
}

// TestRPMRootWithinRoot: a package that two roots name, one within the other, and that
// upstream replaced under its name, is what the newer root says. The other is not
// asked for again until somebody wants it.
func TestRPMRootWithinRoot(t *testing.T) {
	for _, wanted := range []string{"", "sub"} {
		h := newHouse(t, 1)
		var now map[string]*rpmState
		put := func(data string, date time.Time) {
			now = map[string]*rpmState{"": oneRPM("", "sub/p.rpm", data, date), "sub": oneRPM("sub", "p.rpm", data, date)}
			for _, s := range now {
				s.publish(h.ups[0])
			}
		}
		root := func(dir string) {
			t.Helper()
			p := join(dir, "repodata/repomd.xml")
			h.rpmWants(nil, p, now[dir].files[p])
		}
		put("old", monday)
		root("")
		root("sub")
		h.rpmWants(nil, "sub/p.rpm", "old")
		put("newer", tuesday)
		h.advance(2 * time.Minute)
		root(wanted)
		h.rpmWants(nil, "sub/p.rpm", "newer")
	}
}

// TestWentBack: a root that is older than the known one is taken when all mirrors have
// had no other for a while, whether upstream has gone back to it or had dated the other
// one wrong. One mirror that is down may have a newer one.
func TestWentBack(t *testing.T) {
	h := newHouse(t, 3) // the last has nothing
	wrong, right := oneRPM("", "p.rpm", "wrong", tuesday.AddDate(10, 0, 0)), oneRPM("", "p.rpm", "right", tuesday)
	const root = "repodata/repomd.xml"
	for _, u := range h.ups[:2] {
		wrong.publish(u)
	}
	h.rpmWants(nil, root, wrong.files[root])
	for _, u := range h.ups[:2] {
		right.publish(u)
	}
	h.ups[1].Down()
	for range 3 {
		h.advance(vanishedFor)
		if ans := h.rpmWants(nil, root, wrong.files[root]); ans.Stale == "" {
			t.Error("upstream has another one, and nobody is told")
		}
	}
	h.ups[1].Up()
	h.advance(vanishedFor)
	h.rpmWants(nil, root, wrong.files[root])
	h.advance(vanishedFor - time.Second)
	h.rpmWants(nil, root, wrong.files[root])
	h.advance(3 * time.Second)
	h.rpmWants(nil, root, right.files[root])
	h.rpmWants(nil, "p.rpm", "right")
	h.advance(2 * time.Minute)
	if ans := h.rpmWants(nil, root, right.files[root]); ans.Stale != "" {
		t.Errorf("%q", ans.Stale)
	}
}

// TestRPMUnchecked: metadata that repomd.xml names without a strong checksum, some of it
// or all, comes from upstream each time, and the rest is none the worse for it.
func TestRPMUnchecked(t *testing.T) {
	h := newHouse(t, 1)
	const weak = `<data type="updateinfo"><checksum type="sha">` + "0123456789012345678901234567890123456789" + `</checksum><location href="repodata/updateinfo.xml.gz"/></data>`
	some, all := oneRPM("some", "p.rpm", "some", monday), oneRPM("all", "p.rpm", "all", monday)
	const root, update = "/repodata/repomd.xml", "/repodata/updateinfo.xml.gz"
	some.files["some"+root] = strings.Replace(some.files["some"+root], "</repomd>", weak+`<data type="x"><location href="repodata/none"/></data></repomd>`, 1)
	some.files["some"+update], some.files["some/repodata/none"] = "info", "none"
	all.files["all"+root], all.files["all"+update] = "<repomd>"+weak+"</repomd>", "info"
	some.publish(h.ups[0])
	all.publish(h.ups[0])
	h.rpmWants(nil, "some"+root, some.files["some"+root])
	h.rpmWants(nil, "all"+root, all.files["all"+root])
	h.rpmWants(nil, "some/repodata/none", "none")
	for _, dir := range []string{"some", "all"} {
		h.asked()
		for range 2 {
			if ans := h.rpmWants(nil, dir+update, "info"); ans.Strong || ans.Stored {
				t.Errorf("%s: strong %v, stored %v", dir, ans.Strong, ans.Stored)
			}
		}
		if got := h.asked(); strings.Count(strings.Join(got, " "), update) != 2 {
			t.Errorf("upstream was asked for %q", got)
		}
		if e, err := h.m.Explain(t.Context(), "rpm", dir+update); err != nil || e.Would != "miss" {
			t.Errorf("explained as %+v, %v", e, err)
		}
	}
	if ans := h.rpmWants(nil, "some/p.rpm", "some"); !ans.Strong {
		t.Error("what primary.xml says of a package is not believed")
	}
	if ans := h.rpmWants(nil, "all/p.rpm", "all"); ans.Strong {
		t.Error("a package is vouched for by nobody knows what")
	}
	if a, err := h.m.Open(t.Context(), Request{Repo: "rpm", Path: "some/repodata/other"}); !errors.Is(err, ErrNotListed) {
		t.Errorf("%v, %v; expected ErrNotListed", a, err)
	}
	h.advance(2 * time.Minute)
	if ans := h.rpmWants(nil, "all"+root, all.files["all"+root]); ans.Stale != "" {
		t.Errorf("%q", ans.Stale)
	}
}

// TestRPMEqualMetadata: two files with the same bytes, as translations have that are
// empty, are two all the same: what is noted and asked for is the one that was wanted.
func TestRPMEqualMetadata(t *testing.T) {
	h := newHouse(t, 1)
	s := oneRPM("", "p.rpm", "data", monday)
	same := func(lang string) string { return fmt.Sprintf("repodata/%x-susedata.%s.xml.gz", sum("same"), lang) }
	var more strings.Builder
	for _, lang := range []string{"de", "en", "fr"} {
		fmt.Fprintf(&more, `<data type="susedata.%s"><checksum type="sha256">%x</checksum><location href="%s"/></data>`, lang, sum("same"), same(lang))
	}
	const root = "repodata/repomd.xml"
	s.files[root] = strings.Replace(s.files[root], "</repomd>", more.String()+"</repomd>", 1)
	s.files[same("en")] = "same"
	s.publish(h.ups[0])
	h.rpmWants(nil, root, s.files[root])
	h.rpmWants(nil, same("en"), "same")
	if used := h.m.repos["rpm"].known("").usedPaths(); !slices.Contains(used, "repodata/susedata.en.xml.gz") {
		t.Errorf("noted as used: %q", used)
	}
}

// TestSignatureRefused: stores of objects say 403 for what they do not have. As for the
// package managers, it is then not there.
func TestSignatureRefused(t *testing.T) {
	h := newHouse(t, 1)
	for _, p := range []string{repomdPath + ".asc", suite + "/InRelease", suite + "/Release.gpg"} {
		h.ups[0].Fail("/"+p, faulty.Status(403).Always())
	}
	s := newRPM(h, "1", monday, true)
	s.publish(h.ups[0])
	h.makecache(nil, s, "primary.xml.gz")
	if a, err := h.m.Open(t.Context(), Request{Repo: "rpm", Path: repomdPath + ".asc"}); !errors.Is(err, ErrNotListed) {
		t.Errorf("%v, %v; expected ErrNotListed", a, err)
	}
	a := newArchive("1", "hello").seal(monday)
	a.publish(h.ups[0])
	h.update(nil, a)
	young := newRPM(h, "2", tuesday, true)
	young.publish(h.ups[0])
	h.advance(2 * time.Minute)
	h.makecache(nil, young, "primary.xml.gz")

	index := "flat/Packages"
	h.ups[0].Set("/"+index, []byte(a.files[packages]))
	for _, p := range []string{"flat/InRelease", "flat/Release"} {
		h.ups[0].Fail("/"+p, faulty.Status(403).Always())
	}
	h.wants(nil, index, a.files[packages])

	h.ups[0].Fail("/41/repodata/repomd.xml", faulty.Status(403).Always())
	if a, err := h.m.Open(t.Context(), Request{Repo: "rpm", Path: "41/repodata/repomd.xml"}); !denied(err) {
		t.Errorf("a root that is refused: %v, %v", a, err)
	}
}

// TestSignatureUnknown: that nobody can say whether there is a signature matters to who
// wants it, and to nobody else.
func TestSignatureUnknown(t *testing.T) {
	h := newHouse(t, 1)
	const asc = repomdPath + ".asc"
	h.ups[0].Fail("/"+asc, faulty.Status(302).And(faulty.Header("Location", "http://elsewhere.example/login")).Always())
	s := newRPM(h, "1", monday, true).sign(h)
	s.publish(h.ups[0])
	if ans := h.rpmWants(nil, repomdPath, s.files[repomdPath]); ans.Stale != "" {
		t.Errorf("%q", ans.Stale)
	}
	h.advance(2 * time.Minute)
	h.makecache(nil, s, "primary.xml.gz")
	if got := h.asked(); strings.Count(strings.Join(got, " "), asc) != 1 {
		t.Errorf("upstream was asked for %q", got)
	}
	if a, err := h.m.Open(t.Context(), Request{Repo: "rpm", Path: asc}); err == nil || errors.Is(err, ErrNotListed) {
		t.Errorf("%v, %v", a, err)
	}
	h.ups[0].Heal("/" + asc)
	h.advance(time.Minute)
	h.rpmWants(nil, asc, s.files[asc])
	h.rpmWants(nil, repomdPath, s.files[repomdPath])

	// Now somebody wants it, and a new text waits.
	young := newRPM(h, "2", tuesday, true).sign(h)
	young.publish(h.ups[0])
	h.ups[0].Fail("/"+asc, faulty.Status(500).Always())
	h.advance(2 * time.Minute)
	h.rpmWants(nil, repomdPath, s.files[repomdPath])
	h.ups[0].Heal("/" + asc)
	h.advance(time.Minute)
	h.rpmWants(nil, repomdPath, young.files[repomdPath])
	h.rpmWants(nil, asc, young.files[asc])
}
