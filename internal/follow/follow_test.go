package follow

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/internal/mirrorlist"
	"mirrord/internal/upstream"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// field is a Follower with its lists' host, two mirrors and a clock.
type field struct {
	t       *testing.T
	f       *Follower
	lists   *faulty.Server
	mirrors []*faulty.Server

	mu sync.Mutex
	at time.Time
}

func (d *field) now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at
}

func (d *field) advance(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = d.at.Add(by)
}

const tree = "rel/$releasever/$basearch/os"

// newField has the mirrors in the table of hosts, as if another repository named
// them: a list may not lead to loopback by itself.
func newField(t *testing.T, kind mirrorlist.Kind, configured bool) *field {
	d := &field{t: t, lists: faulty.New(t), at: time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)}
	tr := upstream.NewTransport(upstream.Options{Now: d.now})
	t.Cleanup(tr.Close)
	var bases []*url.URL
	for range 2 {
		m := faulty.New(t)
		base, err := url.Parse("http://" + m.Host())
		if err != nil {
			t.Fatal(err)
		}
		d.mirrors, bases = append(d.mirrors, m), append(bases, base)
	}
	upstream.NewGroup(upstream.Config{Name: "other", Mirrors: bases}, tr)
	c := upstream.Config{Name: "f"}
	if configured {
		c.Mirrors = bases[:1]
	}
	var err error
	d.f, err = New(Config{
		Name: "f", Group: upstream.NewGroup(c, tr), Transport: tr, Now: d.now,
		Lists: []mirrorlist.List{{Kind: kind, Template: mirrorlist.Template{
			URL: "http://" + d.lists.Host() + "/l/$releasever?arch=$basearch", Path: tree,
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.f.Close)
	return d
}

// list has the lists' host name those mirrors, by their numbers, and a repomd.xml.
func (d *field) list(release, repomd string, mirrors ...int) {
	var b strings.Builder
	fmt.Fprintf(&b, `<metalink><files><file name="repomd.xml"><verification><hash type="sha256">%x</hash></verification><resources>`, sha256.Sum256([]byte(repomd)))
	for _, i := range mirrors {
		fmt.Fprintf(&b, "<url>http://%s/rel/%s/x86_64/os/repodata/repomd.xml</url>", d.mirrors[i].Host(), release)
	}
	d.lists.Set("/l/"+release, []byte(b.String()+"</resources></file></files></metalink>"))
}

func (d *field) get(path string) (string, error) {
	body, err := d.f.Group.Open(d.t.Context(), upstream.Request{Path: path, Size: -1})
	if err != nil {
		return "", err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	return string(text), err
}

func (d *field) wants(path, want string) {
	d.t.Helper()
	if got, err := d.get(path); err != nil || got != want {
		d.t.Fatalf("%s: %q, %v", path, got, err)
	}
}

// The list is asked for once, with the release and architecture of the path, and its
// mirrors are asked for the file; all of the tree is asked of them.
func TestFollow(t *testing.T) {
	d := newField(t, mirrorlist.Metalink, false)
	d.list("40", "md", 1)
	d.mirrors[1].Set("/rel/40/x86_64/os/repodata/repomd.xml", []byte("md"))
	d.mirrors[1].Set("/updates/40/x", []byte("x"))
	for range 3 {
		d.wants("rel/40/x86_64/os/repodata/repomd.xml", "md")
		d.wants("updates/40/x", "x")
	}
	asked := d.lists.Requests()
	if len(asked) != 1 || asked[0].Path != "/l/40" || len(d.mirrors[0].Requests()) != 0 {
		t.Errorf("lists: %+v; first mirror: %+v", asked, d.mirrors[0].Requests())
	}
}

// An old list is asked for again in the background, and what it says then counts; a
// host of lists that fails changes nothing.
func TestRefresh(t *testing.T) {
	d := newField(t, mirrorlist.Metalink, false)
	d.list("40", "md", 0)
	for _, m := range d.mirrors {
		m.Set("/rel/40/x86_64/os/f", []byte(m.Host()))
	}
	d.wants("rel/40/x86_64/os/f", d.mirrors[0].Host())
	d.list("40", "md", 1)
	d.advance(listFor - time.Second)
	d.wants("rel/40/x86_64/os/f", d.mirrors[0].Host())
	d.advance(2 * time.Second)
	d.wants("rel/40/x86_64/os/f", d.mirrors[0].Host()) // this one sees it is old
	d.f.wg.Wait()
	d.wants("rel/40/x86_64/os/f", d.mirrors[1].Host())
	d.lists.Down()
	d.advance(2 * listFor)
	d.wants("rel/40/x86_64/os/f", d.mirrors[1].Host())
	d.f.wg.Wait()
	d.wants("rel/40/x86_64/os/f", d.mirrors[1].Host())
}

// What cannot be: each has its own error, and the host of lists is left alone for a
// while.
func TestNoList(t *testing.T) {
	d := newField(t, mirrorlist.Metalink, false)
	d.lists.Set("/l/41", []byte("<html>"))
	for range 3 {
		var status *upstream.StatusError
		if _, err := d.get("rel/40/x86_64/os/f"); !errors.As(err, &status) || status.Code != 404 {
			t.Errorf("a list that is not there: %v", err)
		}
		if _, err := d.get("rel/41/x86_64/os/f"); !errors.Is(err, upstream.ErrUnavailable) || !errors.Is(err, mirrorlist.ErrFormat) {
			t.Errorf("a list that is none: %v", err)
		}
		if _, err := d.get("elsewhere"); !errors.Is(err, upstream.ErrUnavailable) || !errors.Is(err, errNoMirror) {
			t.Errorf("a path without a list: %v", err)
		}
	}
	if n := len(d.lists.Requests()); n != 2 {
		t.Errorf("%d questions for 2 lists", n)
	}
	d.list("40", "md", 0)
	d.mirrors[0].Set("/rel/40/x86_64/os/f", []byte("f"))
	d.advance(retryAfter + time.Second)
	d.wants("rel/40/x86_64/os/f", "f")
}

// Where mirrors are configured, those count first, and a host of lists that is down
// costs nobody an answer.
func TestListsBesideUpstreams(t *testing.T) {
	d := newField(t, mirrorlist.Metalink, true)
	d.list("40", "md", 1)
	d.mirrors[0].Set("/rel/40/x86_64/os/f", []byte("configured"))
	d.mirrors[1].Set("/rel/40/x86_64/os/g", []byte("listed"))
	d.wants("rel/40/x86_64/os/f", "configured")
	d.wants("rel/40/x86_64/os/g", "listed")
	d.lists.Down()
	d.mirrors[0].Set("/rel/41/x86_64/os/f", []byte("configured"))
	d.wants("rel/41/x86_64/os/f", "configured")
}

// A repomd.xml counts where the metalink has its digest. Where it has not, the list
// is asked for again, unless that was done just now.
func TestVet(t *testing.T) {
	d := newField(t, mirrorlist.Metalink, false)
	const path = "rel/40/x86_64/os/repodata/repomd.xml"
	d.list("40", "one", 0)
	if err := d.f.Group.Ready(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	vet := func(text string) error { return d.f.Vet(t.Context(), path, []byte(text)) }
	if err := vet("one"); err != nil {
		t.Error(err)
	}
	if err := vet("two"); !errors.Is(err, ErrNotListed) {
		t.Error(err)
	}
	if n := len(d.lists.Requests()); n != 1 {
		t.Errorf("%d questions", n)
	}
	d.list("40", "two", 0)
	d.advance(doubtAfter)
	if err := vet("two"); err != nil {
		t.Errorf("the list has it by now: %v", err)
	}
	if err := vet("one"); !errors.Is(err, ErrNotListed) {
		t.Error(err)
	}
	if n := len(d.lists.Requests()); n != 2 {
		t.Errorf("%d questions", n)
	}
	if err := d.f.Vet(t.Context(), path+".asc", []byte("x")); err != nil {
		t.Error(err)
	}
}

// The digests of a list count though none of its mirrors is of use.
func TestVetWithoutMirrors(t *testing.T) {
	d := newField(t, mirrorlist.Metalink, true)
	const path = "rel/40/x86_64/os/repodata/repomd.xml"
	d.list("40", "one")
	if err := d.f.Group.Ready(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if err := d.f.Vet(t.Context(), path, []byte("one")); err != nil {
		t.Error(err)
	}
	if err := d.f.Vet(t.Context(), path, []byte("two")); !errors.Is(err, ErrNotListed) {
		t.Error(err)
	}
	if n := len(d.lists.Requests()); n != 1 {
		t.Errorf("%d questions", n)
	}
}

// Clients that make up releases do not fill the memory, and lists that are known stay.
func TestManyLists(t *testing.T) {
	d := newField(t, mirrorlist.Metalink, false)
	d.list("1", "md", 0)
	d.mirrors[0].Set("/rel/1/x86_64/os/f", []byte("f"))
	d.wants("rel/1/x86_64/os/f", "f")
	for i := range keptMost + 20 {
		d.get(fmt.Sprintf("rel/%d/x86_64/os/f", 100+i))
	}
	d.f.mu.Lock()
	kept := len(d.f.known)
	there := slices.ContainsFunc(d.f.order, func(s *state) bool { return strings.Contains(s.url, "/l/1?") })
	d.f.mu.Unlock()
	if kept > keptMost || !there {
		t.Errorf("%d lists kept, the first of them: %v", kept, there)
	}
}

// Lists that were in use once make room when nobody asks for them any more.
func TestListsOfOldReleases(t *testing.T) {
	d := newField(t, mirrorlist.Metalink, false)
	for i := range keptMost + 1 {
		release := fmt.Sprint(1 + i)
		d.list(release, "md", 0)
		d.mirrors[0].Set("/rel/"+release+"/x86_64/os/f", []byte("f"))
		if i == keptMost { // as long as all are in use there is no room
			d.wants("rel/"+release+"/x86_64/os/f", "f")
			if n := len(d.lists.Requests()); n != keptMost {
				t.Errorf("%d questions", n)
			}
			d.advance(2 * listFor)
			d.wants("rel/2/x86_64/os/f", "f")
		}
		d.wants("rel/"+release+"/x86_64/os/f", "f")
	}
	d.f.wg.Wait()
	d.f.mu.Lock()
	defer d.f.mu.Unlock()
	has := func(release string) bool {
		return slices.ContainsFunc(d.f.order, func(s *state) bool { return strings.Contains(s.url, "/l/"+release+"?") })
	}
	if has("1") || !has("2") || !has(fmt.Sprint(keptMost+1)) {
		t.Errorf("kept: 1 %v, 2 %v, the last %v", has("1"), has("2"), has(fmt.Sprint(keptMost+1)))
	}
}
