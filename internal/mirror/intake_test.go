package mirror

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirrord/internal/cache"
)

// offer is a file of those bytes.
func offer(t *testing.T, data string) Offer {
	t.Helper()
	p := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(p, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
	return Offer{
		Open: func() (*os.File, error) { return os.Open(p) },
		Meta: func() (cache.Meta, error) { return cache.Meta{ETag: `"kept"`}, nil },
		Size: int64(len(data)),
	}
}

// intakeTest is an Intake that files are offered to.
type intakeTest struct {
	*Intake
	t *testing.T
}

func newIntake(h *house, repo string) intakeTest {
	h.t.Helper()
	in, err := h.m.Intake(repo)
	if err != nil {
		h.t.Fatal(err)
	}
	return intakeTest{in, h.t.(*testing.T)}
}

func (in intakeTest) take(p, data string) (Taken, error) {
	in.t.Helper()
	plan, err := in.Plan(p)
	if err != nil {
		in.t.Fatal(err)
	}
	return in.Take(in.t.Context(), plan, offer(in.t, data))
}

// takes fails the test where the file is not taken in that way.
func (in intakeTest) takes(p, data string, want cache.Manner) {
	in.t.Helper()
	taken, err := in.take(p, data)
	if err != nil || taken.Manner != want && !(taken.Manner == cache.Cloned && want == cache.Copied) {
		in.t.Errorf("%s: %+v, %v; expected %v", p, taken, err, want)
	}
}

func (in intakeTest) refuses(p, data string, want error) {
	in.t.Helper()
	if taken, err := in.take(p, data); !errors.Is(err, want) {
		in.t.Errorf("%s: %+v, %v; expected %v", p, taken, err, want)
	}
}

// roots takes in the root, and compares what became of each mirror's, in order.
func (in intakeTest) roots(want ...RootOutcome) {
	in.t.Helper()
	taken, err := in.Roots(in.t.Context(), []string{release})
	if err != nil || len(taken) != len(want) {
		in.t.Fatalf("%v, %v; expected %v", taken, err, want)
	}
	for i, r := range taken {
		if r.Outcome != want[i] || (r.Err != nil) != (want[i] == RootRefused) {
			in.t.Errorf("%v, expected %v", r, want[i])
		}
	}
}

// Of what several keep, the newest root becomes current and the older the generations
// before; what any of them names is taken in, and nothing else.
func TestIntake(t *testing.T) {
	h := newHouse(t, 3)
	old, young := newArchive("1", "hello", "gone").seal(monday), newArchive("1", "hello", "new")
	samePath, _ := old.deb("hello", "1")
	young.files[samePath] = strings.Repeat("rebuilt", 3000) // under the same name
	young.reindex()
	young.seal(tuesday)
	young.publish(h.ups[0])
	old.publish(h.ups[2])
	in := newIntake(h, "deb")
	in.roots(RootCurrent, RootCurrent)
	in.roots(RootSame, RootOlder)
	for _, a := range []*archive{old, young} {
		for p, data := range a.files {
			if strings.HasSuffix(p, "/Packages") || strings.HasSuffix(p, ".gz") {
				if _, err := in.take(p, data); err != nil {
					t.Errorf("%s: %v", p, err)
				}
			}
		}
	}
	if err := in.Tables(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, u := range h.ups {
		u.Forget()
	}
	for _, a := range []*archive{old, young} {
		for p, data := range a.files {
			if strings.HasPrefix(p, "pool/") {
				in.takes(p, data, cache.Copied)
				in.takes(p, data, cache.There)
			}
		}
	}
	in.refuses("pool/main/x/x_1_amd64.deb", "x", ErrNotListed)
	in.refuses("pool/main/new/new_1_amd64.deb", "short", cache.ErrMismatch)
	in.refuses(suite+"/main/binary-arm64/Packages.gz", "x", ErrNotListed)
	h.offline = true
	h.stop()
	h.start()
	h.wants(nil, release, young.files[release])
	h.wants(nil, packagesGz, young.files[packagesGz])
	h.wants(nil, samePath, young.files[samePath])
	for i := range h.ups {
		if n := len(h.ups[i].Requests()); n != 0 {
			t.Errorf("mirror %d was asked %d times for what was offered", i, n)
		}
	}
}

// reindex makes Packages anew from what lies in the pool.
func (a *archive) reindex() {
	var index strings.Builder
	for p, data := range a.files {
		if strings.HasPrefix(p, "pool/") {
			fmt.Fprintf(&index, "Package: p\nFilename: %s\nSize: %d\nSHA256: %x\n\n", p, len(data), sum(data))
		}
	}
	a.files[suite+"/main/binary-amd64/Packages"] = index.String()
	a.files[packagesGz] = zip(index.String())
}

// A root that is here already stays where the one that is offered is older, of the same
// date, undated, or not whole.
func TestIntakeKeepsRoot(t *testing.T) {
	here := newArchive("2", "hello").seal(tuesday)
	undated := newArchive("3", "hello").seal(monday)
	undated.files[release] = strings.Replace(undated.files[release], "Date: "+monday.Format(time.RFC1123), "Label: x", 1)
	cut := newArchive("3", "hello").seal(tuesday.Add(time.Hour))
	cut.files[packagesGz] = cut.files[packagesGz][:20]
	cut.files[strings.TrimSuffix(packagesGz, ".gz")] += "\n"
	for name, c := range map[string]struct {
		offered *archive
		want    RootOutcome
	}{
		"older":     {newArchive("1", "hello").seal(monday), RootOlder},
		"same date": {newArchive("3", "hello").seal(tuesday), RootOlder},
		"undated":   {undated, RootOlder},
		"not whole": {cut, RootRefused},
		"no root":   {&archive{files: map[string]string{release: "nonsense"}}, RootRefused},
		"newer":     {newArchive("3", "hello").seal(tuesday.Add(time.Hour)), RootCurrent},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, 1)
			here.publish(h.ups[0])
			h.update(nil, here)
			for p := range here.files {
				h.ups[0].Remove("/" + p)
			}
			c.offered.publish(h.ups[0])
			newIntake(h, "deb").roots(c.want)
			h.offline = true
			h.stop()
			h.start()
			if want := here; c.want == RootCurrent {
				h.wants(nil, release, c.offered.files[release])
			} else {
				h.wants(nil, release, want.files[release])
			}
		})
	}
}

// What nobody vouches for is an entry that upstream is asked for, and does not take the
// place of one that came from there.
func TestIntakeFree(t *testing.T) {
	h := newHouse(t, 1)
	h.ups[0].Set("/there", []byte("upstream's"))
	if got, _, err := h.file("there"); got != "upstream's" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	in := newIntake(h, "files")
	in.takes("there", "another's", cache.There)
	in.takes("new", "kept", cache.Copied)
	in.takes("same", "kept", cache.There) // the bytes are, under another name
	for _, name := range []string{"files/new", "files/same"} {
		if e, ok := h.store.Entry(name); !ok || !e.Checked.IsZero() || e.Meta.ETag != `"kept"` {
			t.Errorf("%s: %+v", name, e)
		}
	}
	h.ups[0].Set("/new", []byte("newer"))
	if got, _, err := h.file("there"); got != "upstream's" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got, _, err := h.file("new"); got != "newer" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// A directory with a Packages and no Release: the index is an entry, and what it names
// is checked all the same.
func TestIntakeLoose(t *testing.T) {
	h := newHouse(t, 1)
	a := newArchive("1", "hello")
	const index = "flat/Packages"
	text := strings.ReplaceAll(a.files[suite+"/main/binary-amd64/Packages"], "pool/", "./pool/")
	in := newIntake(h, "deb")
	in.takes(index, text, cache.Copied)
	if err := in.Tables(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, data := a.deb("hello", "1")
	in.takes("flat/"+p, data, cache.Copied)
	in.refuses("flat/"+p+".deb", data, ErrNotListed)
	if n := len(h.ups[0].Requests()); n != 0 {
		t.Errorf("upstream was asked %d times", n)
	}
}
