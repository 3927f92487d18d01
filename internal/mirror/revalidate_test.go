package mirror

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mirrord/internal/digest"
)

// rot changes the first byte of an object's file.
func (h *house) rot(data string) {
	h.t.Helper()
	sum := digest.Of([]byte(data)).Hex()
	file := filepath.Join(h.dir, "blobs", "sha256", sum[:2], sum)
	text, err := os.ReadFile(file)
	if err != nil {
		h.t.Fatal(err)
	}
	text[0] ^= 1
	os.Chmod(file, 0o640)
	if err := os.WriteFile(file, text, 0o640); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) refresh(repo, p string) Refreshed {
	h.t.Helper()
	all, err := h.m.Refresh(h.t.Context(), repo, p)
	if err != nil || len(all) != 1 {
		h.t.Fatalf("Refresh(%q, %q) = %+v, %v, expected one", repo, p, all, err)
	}
	return all[0]
}

func TestRefreshFile(t *testing.T) {
	h, _ := stocked(t)
	if got := h.refresh("files", "a/one.iso"); got.Outcome != Unchanged {
		t.Errorf("%+v, expected it unchanged", got)
	}
	if got := h.asked(); !slices.Equal(got, []string{"a/one.iso 304"}) {
		t.Errorf("upstream was asked for %q", got)
	}
	h.ups[0].Set("/a/one.iso", []byte("another"))
	if got := h.refresh("files", "a/one.iso"); got.Outcome != Changed || got.Digest != digest.Of([]byte("another")) {
		t.Errorf("%+v, expected it changed", got)
	}
	h.wantsFile("a/one.iso", "another")
	h.rot("another")
	if got := h.refresh("files", "a/one.iso"); got.Outcome != Healed {
		t.Errorf("%+v, expected it healed", got)
	}
	h.wantsFile("a/one.iso", "another")
	if got := h.refresh("files", "a/new"); got.Outcome != GoneAway || got.Error == "" {
		t.Errorf("%+v, expected it gone", got)
	}
	h.ups[0].Set("/a/new", []byte("new"))
	if got := h.refresh("files", "a/new"); got.Outcome != Fetched {
		t.Errorf("%+v, expected it fetched, the 404 forgotten", got)
	}
	h.ups[0].Remove("/a/new")
	if got := h.refresh("files", "a/new"); got.Outcome != GoneAway {
		t.Errorf("%+v, expected it gone", got)
	}
	h.ups[0].Down()
	if got := h.refresh("files", "a/one.iso"); got.Outcome != Failed || got.Error == "" {
		t.Errorf("%+v, expected a failure", got)
	}
	h.wantsFile("a/one.iso", "another")
}

func TestRefreshRoot(t *testing.T) {
	h, a := stocked(t)
	if got := h.refresh("deb", release); got.Outcome != Unchanged {
		t.Errorf("%+v, expected it unchanged", got)
	}
	if got := h.asked(); !slices.Contains(got, release+" 304") {
		t.Errorf("upstream was asked for %q, expected the Release", got)
	}
	young := newArchive("2", "hello").seal(tuesday)
	young.publish(h.ups[0])
	if got := h.refresh("deb", ""); got.Outcome != Changed || got.Path != suite+"/" {
		t.Errorf("%+v, expected it changed", got)
	}
	h.update(new(Client), young)
	a.publish(h.ups[0]) // older: the mirror went back
	if got := h.refresh("deb", release); got.Outcome != Failed || !strings.Contains(got.Error, "older") {
		t.Errorf("%+v, expected a failure that says it is older", got)
	}
	h.ups[0].Down()
	h.advance(time.Hour)
	if got := h.refresh("deb", release); got.Outcome != Failed {
		t.Errorf("%+v, expected a failure", got)
	}
}

func TestRefreshPackage(t *testing.T) {
	h, a := stocked(t)
	p, data := a.deb("zoo", "1")
	if got := h.refresh("deb", p); got.Outcome != Unchanged || len(h.asked()) != 0 {
		t.Errorf("%+v, expected it unchanged and upstream not asked", got)
	}
	h.rot(data)
	if got := h.refresh("deb", p); got.Outcome != Healed || len(h.asked()) != 1 {
		t.Errorf("%+v, expected it healed", got)
	}
	h.wants(new(Client), p, data)
	h.rot(a.files[packagesGz])
	if got := h.refresh("deb", packagesGz); got.Outcome != Healed {
		t.Errorf("%+v, expected it healed", got)
	}
	h.rot(data)
	h.ups[0].Down()
	if got := h.refresh("deb", p); got.Outcome != Failed || h.store.Has(digest.Of([]byte(data))) {
		t.Errorf("%+v, expected a failure, and the rotten bytes gone", got)
	}
}

func TestWarm(t *testing.T) {
	h, _ := stocked(t)
	young := newArchive("2", "hello", "help", "world").seal(tuesday)
	young.publish(h.ups[0])
	h.advance(2 * time.Minute)
	h.update(new(Client), young)
	h.asked()
	got, err := h.m.Warm(t.Context(), Selector{Repo: "deb", Glob: "pool/main/hel*/*_2_*"})
	if err != nil || got.Matched != 2 || got.Fetched != 2 || got.Failed != 0 || got.Bytes == 0 {
		t.Fatalf("Warm = %+v, %v", got, err)
	}
	if asked := h.asked(); len(asked) != 2 {
		t.Errorf("upstream was asked for %q", asked)
	}
	if got, err := h.m.Warm(t.Context(), Selector{Repo: "deb", Prefix: "pool/main/hel"}); err != nil || got.Fetched != 0 || got.Failed != 0 {
		t.Errorf("again: %+v, %v, expected nothing fetched", got, err)
	}
	h.ups[0].Set("/a/three.iso", []byte("three"))
	if got, err := h.m.Warm(t.Context(), Selector{Repo: "files", Path: "a/three.iso"}); err != nil || got.Fetched != 1 {
		t.Errorf("a file: %+v, %v", got, err)
	}
	if got, err := h.m.Warm(t.Context(), Selector{Repo: "files", Path: "a/none"}); err != nil || got.Failed != 1 || got.Error == "" {
		t.Errorf("one that is not there: %+v, %v", got, err)
	}
}

func TestExplain(t *testing.T) {
	h, a := stocked(t)
	p, data := a.deb("zoo", "1")
	explain := func(repo, path string) *Explanation {
		t.Helper()
		e, err := h.m.Explain(t.Context(), repo, path)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	if e := explain("deb", p); e.Would != "hit" || e.Class != "package" || e.VouchedBy != packagesGz || e.Digest != digest.Of([]byte(data)) || !e.Stored {
		t.Errorf("%+v", e)
	}
	if e := explain("deb", release); e.Would != "hit" || e.Root == nil || e.Root.Generations != 1 || e.Class != "root" {
		t.Errorf("%+v", e)
	}
	if e := explain("deb", packagesGz); e.Would != "hit" || e.VouchedBy == "" {
		t.Errorf("%+v", e)
	}
	if e := explain("deb", "dists/other/Release"); e.Would != "miss" {
		t.Errorf("%+v", e)
	}
	if e := explain("deb", suite+"/main/binary-arm64/Packages"); e.Would != "not-listed" {
		t.Errorf("%+v", e)
	}
	if e := explain("files", "a/one.iso"); e.Would != "hit" || e.FreshUntil == nil || e.ETag == "" || !slices.Equal(e.Names, []string{"files/a/one.iso"}) {
		t.Errorf("%+v", e)
	}
	h.advance(time.Hour)
	for path, repo := range map[string]string{release: "deb", "a/one.iso": "files"} {
		if e := explain(repo, path); e.Would != "revalidate" {
			t.Errorf("an hour later: %+v", e)
		}
	}
	h.m.Open(t.Context(), Request{Repo: "files", Path: "none"})
	if e := explain("files", "none"); e.Would != "refuse" || !strings.Contains(e.Why, "404") {
		t.Errorf("%+v, expected the remembered 404", e)
	}
	if len(explain("files", "none").Upstreams) != 1 {
		t.Error("no upstream is told")
	}
}

// TestTold: operators at other machines are told no names of files.
func TestTold(t *testing.T) {
	err := fmt.Errorf("cannot be stored: %w", &fs.PathError{Op: "open", Path: "/var/lib/mirrord/blobs/x", Err: fs.ErrPermission})
	if got := told(err); strings.Contains(got, "/var/lib") || got == "" {
		t.Errorf("told %q", got)
	}
	if got := told(ErrNotListed); got != ErrNotListed.Error() {
		t.Errorf("told %q, expected what it says", got)
	}
}
