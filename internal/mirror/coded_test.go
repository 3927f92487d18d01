package mirror

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mirrord/internal/dcz"
	"mirrord/internal/digest"
)

// many are names enough for a Packages that is worth coding.
func many() (names []string) {
	for i := range 300 {
		names = append(names, fmt.Sprintf("package-%d", i))
	}
	return names
}

// twoStates are an archive's, of which the second has one package in a new version; each
// without any compressed form.
func twoStates() (old, young *archive) {
	old, young = newArchive("1", many()...), newArchive("1", many()...)
	index := young.files[packages]
	young.files[packages] = strings.Replace(index, "Package: package-7\nVersion: 1\n", "Package: package-7\nVersion: 2\n", 1)
	delete(old.files, packagesGz)
	delete(young.files, packagesGz)
	return old.seal(monday), young.seal(tuesday)
}

// updated is a house that had both states, and the newer one is current.
func updated(t *testing.T) (h *house, old, young *archive) {
	h = newHouse(t, 1)
	old, young = twoStates()
	old.publish(h.ups[0])
	h.wants(nil, release, old.files[release])
	h.wants(nil, packages, old.files[packages])
	young.publish(h.ups[0])
	h.advance(2 * time.Minute)
	h.wants(nil, release, young.files[release])
	return h, old, young
}

func digestOf(s string) digest.Digest { return digest.Of([]byte(s)) }

// coded asks for a path as a difference to what has that text; "" where there is none.
func (h *house) coded(repo, p, has string) (got string) {
	h.t.Helper()
	a, err := h.m.Open(h.t.Context(), Request{Repo: repo, Path: p})
	if err != nil {
		h.t.Fatal(err)
	}
	defer a.Close()
	c := a.Coded(h.t.Context(), digestOf(has), false)
	if c == nil {
		return ""
	}
	defer c.Close()
	r, err := dcz.Decode(c, []byte(has), digestOf(has), a.Size)
	if err != nil {
		h.t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		h.t.Fatal(err)
	}
	if c.Coding != dcz.Coding || c.Digest == a.Digest || !c.Strong || c.Size >= a.Size/10 {
		h.t.Errorf("%s: %+v, expected a small representation of its own", p, c)
	}
	return string(data)
}

// counting counts what is made, and waits with each for gate; nil = it does not.
func (h *house) counting(gate <-chan struct{}) *atomic.Int64 {
	var made atomic.Int64
	h.m.codings.encode = func(dictionary []byte, named digest.Digest, content []byte, most int) ([]byte, error) {
		made.Add(1)
		if gate != nil {
			<-gate
		}
		return dcz.Encode(dictionary, named, content, most)
	}
	return &made
}

func TestDifference(t *testing.T) {
	h, old, young := updated(t)
	made := h.counting(nil)
	for range 3 {
		if got := h.coded("deb", packages, old.files[packages]); got != young.files[packages] {
			t.Fatalf("%.60q, expected the new state", got)
		}
	}
	if got := h.coded("deb", packages, young.files[packages]); got != young.files[packages] {
		t.Errorf("to the same: %.60q, expected the same", got)
	}
	if n := made.Load(); n != 2 {
		t.Errorf("%d differences were made, expected 2", n)
	}
	_, a := h.read(nil, packages)
	if a.Lineage() != "Packages" {
		t.Errorf("lineage %q, expected Packages", a.Lineage())
	}
}

// TestNoOracle: nothing is a dictionary but a state of the very file, whatever else is
// stored, even in the same repository and under its root.
func TestNoOracle(t *testing.T) {
	h, old, young := updated(t)
	made := h.counting(nil)
	other := strings.Replace(young.files[packages], "package-9\n", "private!!\n", 1)
	h.ups[0].Set("/secret.txt", []byte(other))
	if a, err := h.m.Open(t.Context(), Request{Repo: "files", Path: "secret.txt"}); err != nil {
		t.Fatal(err)
	} else if _, err := a.drain(); err != nil {
		t.Fatal(err)
	}
	if !h.store.Has(digestOf(other)) || !h.store.Has(digestOf(young.files[release])) {
		t.Fatal("what is not to be told is not stored")
	}
	p, deb := young.deb("package-7", "1")
	h.wants(nil, p, deb)
	for what, text := range map[string]string{
		"another repository's": other, "a package": deb, "the root": young.files[release], "nothing stored": "x",
	} {
		if got := h.coded("deb", packages, text); got != "" {
			t.Errorf("%s served as a dictionary", what)
		}
	}
	if got := h.coded("files", "secret.txt", old.files[packages]); got != "" {
		t.Error("another repository's file was coded with an index")
	}
	if made.Load() != 0 {
		t.Error("a difference was made, if not given")
	}
}

// TestDifferenceOfAFile: a file that nobody vouches for is coded with what it was before.
func TestDifferenceOfAFile(t *testing.T) {
	h := newHouse(t, 1)
	text := func(i int) string {
		return strings.Repeat("a line that stays\n", 4000) + fmt.Sprintf("state %d\n", i) + strings.Repeat("b stays too\n", 4000)
	}
	for i := range 9 { // the last time nothing is new
		h.ups[0].Set("/list.txt", []byte(text(min(i, 7))))
		h.advance(2 * time.Minute)
		a, err := h.m.Open(t.Context(), Request{Repo: "files", Path: "list.txt"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.drain(); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range map[int]string{7: text(7), 6: text(7), 3: text(7), 2: ""} {
		if got := h.coded("files", "list.txt", text(i)); got != want {
			t.Errorf("to state %d: %d bytes, expected %d", i, len(got), len(want))
		}
	}
	// Once it is purged it was nothing before.
	if _, err := h.m.Purge(t.Context(), Selector{Repo: "files", Path: "list.txt"}, PurgeOptions{}); err != nil {
		t.Fatal(err)
	}
	a, err := h.m.Open(t.Context(), Request{Repo: "files", Path: "list.txt"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.drain(); err != nil {
		t.Fatal(err)
	}
	if got := h.coded("files", "list.txt", text(6)); got != "" {
		t.Error("what was purged still serves as a dictionary")
	}
}

// TestHerdSharesOneDifference: a hundred clients with the same have one made.
func TestHerdSharesOneDifference(t *testing.T) {
	h, old, young := updated(t)
	gate := make(chan struct{})
	made := h.counting(gate)
	h.wants(nil, packages, young.files[packages])
	var asked, all sync.WaitGroup
	for range 100 {
		asked.Add(1)
		all.Go(func() {
			asked.Done()
			if got := h.coded("deb", packages, old.files[packages]); got != young.files[packages] {
				t.Errorf("%.60q, expected the new state", got)
			}
		})
	}
	asked.Wait()
	close(gate)
	all.Wait()
	if n := made.Load(); n != 1 {
		t.Errorf("%d differences were made, expected 1", n)
	}
}

// TestNoSlot: while another difference is made, who wants one gets the whole at once.
func TestNoSlot(t *testing.T) {
	h, old, young := updated(t)
	for range codingsMost {
		h.m.codings.slots <- struct{}{}
	}
	if got := h.coded("deb", packages, old.files[packages]); got != "" {
		t.Error("a difference was made without a slot")
	}
	for range codingsMost {
		<-h.m.codings.slots
	}
	if got := h.coded("deb", packages, old.files[packages]); got != young.files[packages] {
		t.Errorf("with a slot: %.60q", got)
	}
}

// TestDifferenceNotWorthIt: what is no smaller than a compressed form is not given, and
// not tried again.
func TestDifferenceNotWorthIt(t *testing.T) {
	h := newHouse(t, 1)
	old, young := newArchive("1", many()...), newArchive("2", many()...) // each stanza is another
	old.seal(monday).publish(h.ups[0])
	young.files[packagesGz] = young.files[packagesGz][:200] // a marvel of compression
	young.seal(tuesday)
	h.wants(nil, release, old.files[release])
	h.wants(nil, packages, old.files[packages])
	young.publish(h.ups[0])
	h.advance(2 * time.Minute)
	h.wants(nil, release, young.files[release])
	made := h.counting(nil)
	for range 3 {
		if got := h.coded("deb", packages, old.files[packages]); got != "" {
			t.Error("a difference was given that is larger than Packages.gz")
		}
	}
	if n := made.Load(); n != 1 {
		t.Errorf("it was tried %d times, expected once", n)
	}
}

// TestDamagedDictionary: bytes that rot are no dictionary, and are removed.
func TestDamagedDictionary(t *testing.T) {
	h, old, young := updated(t)
	d := digestOf(old.files[packages])
	rotten := bytes.Clone([]byte(old.files[packages]))
	rotten[1000] ^= 1
	file := filepath.Join(h.dir, "blobs", "sha256", d.Hex()[:2], d.Hex())
	if err := errors.Join(os.Chmod(file, 0o600), os.WriteFile(file, rotten, 0o600)); err != nil {
		t.Fatal(err)
	}
	if got := h.coded("deb", packages, old.files[packages]); got != "" {
		t.Error("a difference was made to bytes that rotted")
	}
	if h.store.Has(d) {
		t.Error("bytes that rotted are still there")
	}
	h.wants(nil, packages, young.files[packages])
}

// TestPeek: who asks what an answer would be has none made.
func TestPeek(t *testing.T) {
	h, old, _ := updated(t)
	made := h.counting(nil)
	_, a := h.read(nil, packages)
	if c := a.Coded(t.Context(), digestOf(old.files[packages]), true); c != nil || made.Load() != 0 {
		t.Error("a difference was made")
	}
	if h.coded("deb", packages, old.files[packages]) == "" {
		t.Fatal("no difference")
	}
	_, a = h.read(nil, packages)
	c := a.Coded(t.Context(), digestOf(old.files[packages]), true)
	if c == nil {
		t.Fatal("what is stored is not told of")
	}
	c.Close()
}

// TestDifferenceIsPaidFor: it stands in its repository's account, and is made again once
// it was evicted.
func TestDifferenceIsPaidFor(t *testing.T) {
	h, old, young := updated(t)
	before := h.store.Stats().Accounts["deb"]
	h.wants(nil, packages, young.files[packages])
	before = h.store.Stats().Accounts["deb"]
	if h.coded("deb", packages, old.files[packages]) == "" {
		t.Fatal("no difference")
	}
	after := h.store.Stats().Accounts["deb"]
	if after.Objects != before.Objects+1 || after.Bytes <= before.Bytes {
		t.Errorf("%+v, before it was made %+v", after, before)
	}
	e, ok := h.store.Entry(coding(digestOf(old.files[packages]), digestOf(young.files[packages])))
	if !ok {
		t.Fatal("it has no entry")
	}
	if _, err := h.store.Purge(nil, []digest.Digest{e.Digest}); err != nil {
		t.Fatal(err)
	}
	if h.coded("deb", packages, old.files[packages]) != young.files[packages] {
		t.Error("it was not made again")
	}
}

// TestLineage: what changes in the paths of a file's states is a *.
func TestLineage(t *testing.T) {
	h := newHouse(t, 1)
	old, _ := twoStates()
	old.byHash = true
	old.seal(monday).publish(h.ups[0])
	h.wants(nil, release, old.files[release])
	byHash := suite + "/main/binary-amd64/by-hash/SHA256/" + digestOf(old.files[packages]).Hex()
	_, a := h.read(nil, byHash)
	if want := "*"; a.Lineage() != want {
		t.Errorf("%q, expected %q", a.Lineage(), want)
	}
	h.ups[0].Set("/small.txt", []byte("small"))
	h.ups[0].Set("/large.gz", bytes.Repeat([]byte("x"), 1<<20))
	h.ups[0].Set("/large.txt", bytes.Repeat([]byte("x"), 1<<20))
	for p, want := range map[string]string{"small.txt": "", "large.gz": "", "large.txt": "large.txt"} {
		for range 2 {
			a, err := h.m.Open(t.Context(), Request{Repo: "files", Path: p})
			if err != nil {
				t.Fatal(err)
			}
			if a.Lineage() != want {
				t.Errorf("%s: %q, expected %q", p, a.Lineage(), want)
			}
			a.drain()
		}
	}
	_, a = h.read(nil, release)
	if a.Lineage() != "" {
		t.Error("a root is a dictionary")
	}
}
