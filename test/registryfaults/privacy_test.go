package registryfaults

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/internal/repo/oci"
	"mirrord/test/rig"
)

// private has upstream admit alice only to whatever stands below the repository.
func private(u *faulty.Server, im *image) {
	alice := basic("alice", password)[1]
	u.Fail(faulty.All, faulty.Status(401, "WWW-Authenticate", `Basic realm="test"`).When(func(r *http.Request) bool {
		return strings.HasPrefix(r.URL.Path, im.path("")) && r.Header.Get("Authorization") != alice
	}).Always())
}

// intruders may not read what is private.
var intruders = map[string][]string{
	"nobody":         nil,
	"bob":            basic("bob", password),
	"wrong password": basic("alice", "wrong"),
	"another token":  {"Authorization", "Bearer stolen"},
}

// all are the paths by which an image can be read, in part or whole.
func (im *image) all() []string {
	return []string{byTag, im.byDigest(), "blobs/" + sum(im.blobs[0]), im.layer(0), im.layer(1), "tags/list", "referrers/" + sum(im.manifest)}
}

// publishLists adds what is no image to a repository.
func (im *image) publishLists(u *faulty.Server) {
	u.Set(im.path("tags/list"), []byte(`{"name":"team/app","tags":["1"]}`), faulty.Type("application/json"))
	index := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[{"mediaType":%q,"digest":%q,"size":%d}]}`,
		oci.TypeIndex, oci.TypeManifest, sum(im.manifest), len(im.manifest))
	u.Set(im.path("referrers/"+sum(im.manifest)), []byte(index), faulty.Type(oci.TypeIndex))
}

// shut fails the test where an intruder gets anything but a short error.
func (im *image) shut(t *testing.T, m *rig.Mirrord, when string) {
	t.Helper()
	statuses := append([]int{401, 403, 404, 429}, upstreamFailed...)
	for who, login := range intruders {
		for _, p := range im.all() {
			for _, part := range [][]string{nil, {"Range", "bytes=5-14"}} {
				r := rig.Get(im.url(m, p), slices.Concat(login, part)...)
				if strings.HasPrefix(p, "referrers/") && bytes.Contains(oci.EmptyIndex(), r.Body) {
					continue // no referrers, which is what a 404 says of them
				}
				if err := failure(m, r, "", statuses...); err != nil {
					t.Fatalf("%s: %s got %s: %v", when, who, p, err)
				}
			}
			if r := head(im.url(m, p), login...); r.Status < 400 && !strings.HasPrefix(p, "referrers/") || r.Header.Get("Content-Length") == fmt.Sprint(blobSize) {
				t.Errorf("%s: %s had HEAD of %s answered: %s", when, who, p, r.How())
			}
		}
	}
}

// open fails the test where alice does not get all of the image.
func (im *image) open(t *testing.T, m *rig.Mirrord, when string) {
	t.Helper()
	alice := basic("alice", password)
	for _, p := range []string{byTag, im.byDigest()} {
		if err := manifestOf(rig.Get(im.url(m, p), alice...), im.manifest); err != nil {
			t.Errorf("%s: alice, %s: %v", when, p, err)
		}
	}
	for _, b := range im.blobs {
		if err := rig.Get(im.url(m, "blobs/"+sum(b)), alice...).Right("", b); err != nil {
			t.Errorf("%s: alice, a blob: %v", when, err)
		}
	}
	if r := rig.Get(im.url(m, "tags/list"), alice...); r.Status != 200 {
		t.Errorf("%s: alice, tags: %s %.200q", when, r.How(), r.Body)
	}
}

// TestPrivateUnderFault: while upstream is in trouble of any kind who has no right to
// an image gets none of it, and what upstream says in that state gives no right for
// later.
func TestPrivateUnderFault(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]faulty.Fault{
		"500":                 faulty.Status(500),
		"503":                 faulty.Status(503),
		"429":                 faulty.Status(429),
		"404":                 faulty.Status(404),
		"drop":                faulty.Drop(),
		"error page":          errorPage,
		"JSON error page":     faulty.Page("application/json", []byte(`{"errors":[{"code":"UNKNOWN"}]}`)),
		"empty page":          faulty.Page("text/html", nil),
		"page without length": errorPage.And(faulty.Chunked()),
		"304":                 faulty.Status(304),
		"redirect away":       faulty.Redirect("http://127.0.0.1:9/login"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := faulty.New(t)
			im := newImage("docker.io", "team/app", 7, blobSize, 1000)
			im.publish(u)
			im.publishLists(u)
			private(u, im)
			m := start(t, hub(u))
			im.open(t, m, "at first")
			u.Heal(faulty.All) // nobody was refused yet: a no is remembered for 10 s
			u.Fail(faulty.All, fault.Always())
			im.shut(t, m, "in trouble")
			im.shut(t, m, "in trouble still")
			u.Heal(faulty.All)
			private(u, im)
			im.shut(t, m, "upstream well again")
			u.Down()
			im.shut(t, m, "upstream gone")
			im.open(t, m, "upstream gone")
			m.Kill()
			m.Restart()
			im.shut(t, m, "upstream gone, after a kill")
			m.Fsck(t)
		})
	}
}

// TestPrivateAfterKill: a right is not written down. After a start upstream is asked
// first, and then by HEAD alone, since the bytes are there.
func TestPrivateAfterKill(t *testing.T) {
	t.Parallel()
	u := faulty.New(t)
	im := newImage("docker.io", "team/app", 7, blobSize, 1000)
	im.publish(u)
	im.publishLists(u)
	private(u, im)
	m := start(t, hub(u))
	im.open(t, m, "at first")
	u.Down()
	m.Kill()
	m.Restart()
	alice := basic("alice", password)
	for _, p := range im.all() {
		if err := failure(m, rig.Get(im.url(m, p), alice...), "docker.io", upstreamFailed...); err != nil {
			t.Errorf("alice, upstream gone, after a kill: %s: %v", p, err)
		}
	}
	u.Up()
	if err := until(func() rig.Reply { return rig.Get(im.url(m, byTag), alice...) }, func(r rig.Reply) error { return manifestOf(r, im.manifest) }); err != nil {
		t.Fatalf("alice, upstream back: %v", err)
	}
	im.open(t, m, "upstream back")
	im.shut(t, m, "upstream back")
	for i := range im.blobs[1:] {
		if n := u.Sent(im.path(im.layer(i))); n > int64(len(im.blobs[i+1])) {
			t.Errorf("upstream sent %d bytes of layer %d, expected it once", n, i)
		}
	}
	m.Fsck(t)
}

// TestPrivateInFlight: who joins the download of another is held back until upstream
// has said yes, and gets nothing where it fails to.
func TestPrivateInFlight(t *testing.T) {
	t.Parallel()
	u := faulty.New(t)
	im := newImage("docker.io", "team/app", 7, blobSize, 1000)
	im.publish(u)
	private(u, im)
	m := start(t, hub(u))
	alice := basic("alice", password)
	if err := manifestOf(rig.Get(im.url(m, byTag), alice...), im.manifest); err != nil {
		t.Fatal(err)
	}
	u.Rate(blobSize / 2) // two seconds long
	done := make(chan rig.Reply, 1)
	go func() { done <- rig.Get(im.url(m, im.layer(0)), alice...) }()
	for u.Sent(im.path(im.layer(0))) == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	im.shut(t, m, "while alice's download runs")
	u.Heal(faulty.All)
	u.Fail(faulty.All, faulty.Status(503).When(func(r *http.Request) bool { return r.Header.Get("Authorization") != alice[1] }).Always())
	im.shut(t, m, "while alice's download runs, with 503 for others")
	if r := <-done; r.Right("", im.blobs[1]) != nil {
		t.Errorf("alice: %v: %s", r.Right("", im.blobs[1]), r.How())
	}
	m.Fsck(t)
}
