package mirror

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/faulty"

	"github.com/ProtonMail/go-crypto/openpgp"
)

// release40 is one root of several below a repository.
const release40 = "releases/40/os"

// rpmState is one state of an rpm repository with a package hello.
type rpmState struct {
	files map[string]string // by path
	key   *openpgp.Entity
}

const (
	repomdPath = release40 + "/repodata/repomd.xml"
	helloRPM   = release40 + "/Packages/h/hello.rpm"
)

// newRPM makes a state whose metadata has names with checksums where unique, and the
// same names in all states where not.
func newRPM(h *house, version string, date time.Time, unique bool) *rpmState {
	h.t.Helper()
	return newPaddedRPM(h, version, date, unique, 0)
}

// newPaddedRPM is newRPM with a primary of so many bytes at least, packed.
func newPaddedRPM(h *house, version string, date time.Time, unique bool, size int) *rpmState {
	h.t.Helper()
	noise := make([]byte, size)
	rand.NewChaCha8([32]byte{}).Read(noise)
	s := &rpmState{files: map[string]string{helloRPM: strings.Repeat("hello"+version, 1000)}}
	var err error
	if s.key, err = signer(); err != nil {
		h.t.Fatal(err)
	}
	text := fmt.Sprintf(`<metadata><!--%x--><package><checksum type="sha256">%x</checksum><size package="%d"/><location href="Packages/h/hello.rpm"/></package></metadata>`,
		noise, sum(s.files[helloRPM]), len(s.files[helloRPM]))
	var md strings.Builder
	md.WriteString("<repomd>")
	for name, data := range map[string]string{"primary.xml.gz": zip(text), "filelists.xml.gz": zip("<filelists>" + version), "primary.xml.zck": "zck" + version} {
		if unique {
			name = fmt.Sprintf("%x-%s", sum(data), name)
		}
		p := release40 + "/repodata/" + name
		s.files[p] = data
		fmt.Fprintf(&md, `<data type="x"><checksum type="sha256">%x</checksum><location href="repodata/%s"/><size>%d</size><timestamp>%d</timestamp></data>`,
			sum(data), name, len(data), date.Unix())
	}
	s.files[repomdPath] = md.String() + "</repomd>"
	return s
}

// sign puts a signature of the state's repomd.xml beside it.
func (s *rpmState) sign(h *house) *rpmState {
	h.t.Helper()
	var b bytes.Buffer
	if err := openpgp.ArmoredDetachSign(&b, s.key, strings.NewReader(s.files[repomdPath]), nil); err != nil {
		h.t.Fatal(err)
	}
	s.files[repomdPath+".asc"] = b.String()
	return s
}

// path is where the file with the end of name lies.
func (s *rpmState) path(name string) string {
	for p := range s.files {
		if strings.HasSuffix(p, name) {
			return p
		}
	}
	return name
}

func (s *rpmState) publish(u *faulty.Server, names ...string) {
	for p, data := range s.files {
		if len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(p, n) }) {
			u.Set("/"+p, []byte(data))
		}
	}
}

// makecache does what dnf makecache does.
func (h *house) makecache(c *Client, s *rpmState, kind string) {
	h.t.Helper()
	for _, p := range []string{repomdPath, s.path(kind), s.path("filelists.xml.gz")} {
		h.rpmWants(c, p, s.files[p])
	}
}

// rpmWants fails the test where p of "rpm" is not want.
func (h *house) rpmWants(c *Client, p, want string) *Answer {
	h.t.Helper()
	a, err := h.m.Open(h.t.Context(), Request{Repo: "rpm", Path: p, Client: c})
	if err != nil {
		h.t.Fatalf("%s: %v", p, err)
	}
	defer a.Close()
	if got, err := io.ReadAll(a); err != nil || string(got) != want {
		h.t.Fatalf("%s is %.60q, %v; expected %.60q", p, got, err, want)
	}
	return a
}

func TestRPMOnce(t *testing.T) {
	h := newHouse(t, 1)
	s := newRPM(h, "1", monday, true)
	s.publish(h.ups[0])
	for i := range 3 {
		c := new(Client)
		h.makecache(c, s, "primary.xml.gz")
		ans := h.rpmWants(c, helloRPM, s.files[helloRPM])
		if want := map[bool]cache.How{true: cache.Miss, false: cache.Hit}[i == 0]; ans.How != want || !ans.Strong {
			t.Errorf("round %d: %v, strong %v", i, ans.How, ans.Strong)
		}
	}
	h.advance(2 * time.Minute) // the signature is not looked for again: nobody wants it
	h.makecache(nil, s, "primary.xml.gz")
	want := []string{
		repomdPath + " 200", repomdPath + " 304", repomdPath + ".asc 404",
		s.path("primary.xml.gz") + " 200", s.path("filelists.xml.gz") + " 200", helloRPM + " 200",
	}
	slices.Sort(want)
	if got := h.asked(); !slices.Equal(got, want) {
		t.Errorf("upstream was asked for\n%q, expected\n%q", got, want)
	}
}

// TestRPMOtherMetadata: what clients use in place of primary.xml, or have of it from
// before, has packages vouched for all the same.
func TestRPMOtherMetadata(t *testing.T) {
	for name, kind := range map[string]string{"zchunk": "primary.xml.zck", "a cache of their own": "repomd.xml"} {
		h := newHouse(t, 1)
		s := newRPM(h, "1", monday, true)
		s.publish(h.ups[0])
		h.rpmWants(nil, repomdPath, s.files[repomdPath])
		h.rpmWants(nil, s.path(kind), s.files[s.path(kind)])
		if ans := h.rpmWants(nil, helloRPM, s.files[helloRPM]); !ans.Strong {
			t.Errorf("%s: the package is not vouched for", name)
		}
	}
}

// TestRPMRootsApart: a package of one root costs nothing of another.
func TestRPMRootsApart(t *testing.T) {
	h := newHouse(t, 1)
	s := newPaddedRPM(h, "1", monday, true, sampleWhole) // more is looked at by HEAD only
	s.publish(h.ups[0])
	in41 := func(p string) string { return strings.Replace(p, "40", "41", 1) }
	far := newPaddedRPM(h, "1", monday, true, 2*sampleWhole)
	for p, data := range far.files {
		h.ups[0].Set("/"+in41(p), []byte(data))
	}
	h.rpmWants(nil, repomdPath, s.files[repomdPath])
	h.rpmWants(nil, in41(repomdPath), far.files[repomdPath])
	h.rpmWants(nil, helloRPM, s.files[helloRPM])
	want := []string{
		helloRPM + " 200", repomdPath + " 200", repomdPath + ".asc 404", s.path("primary.xml.gz") + " 200",
		in41(repomdPath) + " 200", in41(repomdPath) + ".asc 404",
	}
	slices.Sort(want)
	if got := h.asked(); !slices.Equal(got, want) {
		t.Errorf("upstream was asked for\n%q, expected\n%q", got, want)
	}
}

// TestRPMGenerations: a new repomd.xml is current only with what clients use of it,
// under whatever names, and who has the old one finishes with it.
func TestRPMGenerations(t *testing.T) {
	for _, unique := range []bool{true, false} {
		h := newHouse(t, 1)
		old, young := newRPM(h, "1", monday, unique), newRPM(h, "2", tuesday, unique)
		old.publish(h.ups[0])
		late, other := &Client{Addr: "10.0.0.1"}, &Client{Addr: "10.0.0.2"}
		h.makecache(other, old, "primary.xml.gz")
		h.rpmWants(late, repomdPath, old.files[repomdPath])
		// filelists is not there yet.
		young.publish(h.ups[0], "repomd.xml", "primary.xml.gz", "primary.xml.zck")
		h.advance(2 * time.Minute)
		if ans := h.rpmWants(other, repomdPath, old.files[repomdPath]); ans.Stale == "" {
			t.Error("held back without a word")
		}
		h.makecache(other, old, "primary.xml.gz")
		young.publish(h.ups[0])
		h.advance(2 * time.Minute)
		h.makecache(other, young, "primary.xml.gz")
		h.rpmWants(other, helloRPM, young.files[helloRPM])
		for name, data := range old.files {
			if strings.HasSuffix(name, "filelists.xml.gz") || strings.HasSuffix(name, "primary.xml.gz") {
				h.rpmWants(late, name, data)
				h.rpmWants(&Client{Addr: "10.0.0.1"}, name, data)
				if unique { // a name tells all, whoever asks
					h.rpmWants(nil, name, data)
				}
			}
		}
	}
}

// TestRPMHalfSynchronisedFromTheStart: a repomd.xml whose primary is not there is not
// taken from that mirror.
func TestRPMHalfSynchronisedFromTheStart(t *testing.T) {
	h := newHouse(t, 1)
	s := newRPM(h, "1", monday, true)
	s.publish(h.ups[0], "repomd.xml")
	if a, err := h.m.Open(t.Context(), Request{Repo: "rpm", Path: repomdPath}); !errors.Is(err, ErrIncomplete) {
		t.Fatalf("%v, %v; expected ErrIncomplete", a, err)
	}
	s.publish(h.ups[0])
	h.advance(time.Minute)
	h.makecache(nil, s, "primary.xml.gz")
}

// TestRPMSignature: repomd.xml and its signature are of one state, for who is late too.
func TestRPMSignature(t *testing.T) {
	h := newHouse(t, 1)
	old, young := newRPM(h, "1", monday, true).sign(h), newRPM(h, "2", tuesday, true).sign(h)
	const asc = repomdPath + ".asc"
	old.publish(h.ups[0])
	late := new(Client)
	h.rpmWants(late, repomdPath, old.files[repomdPath])
	h.rpmWants(nil, asc, old.files[asc])
	h.ups[0].Remove("/" + asc) // the one that is known is still right
	h.advance(2 * time.Minute)
	if ans := h.rpmWants(nil, asc, old.files[asc]); ans.Stale != "" {
		t.Errorf("what upstream confirmed is called stale: %s", ans.Stale)
	}
	old.publish(h.ups[0], ".asc")
	for range 2 { // the signature is still the old one, then there is none
		young.publish(h.ups[0], "repomd.xml", "primary.xml.gz", "primary.xml.zck", "filelists.xml.gz")
		h.advance(2 * time.Minute)
		h.rpmWants(nil, repomdPath, old.files[repomdPath])
		h.rpmWants(nil, asc, old.files[asc])
		h.ups[0].Remove("/" + asc)
	}
	young.publish(h.ups[0])
	h.advance(2 * time.Minute)
	h.rpmWants(nil, repomdPath, young.files[repomdPath])
	h.rpmWants(nil, asc, young.files[asc])
	h.rpmWants(late, asc, old.files[asc])
}

// TestRPMSecondMirrorIsWhole: one with the wrong signature does not hide another.
func TestRPMSecondMirrorIsWhole(t *testing.T) {
	h := newHouse(t, 2)
	old, young := newRPM(h, "1", monday, true).sign(h), newRPM(h, "2", tuesday, true).sign(h)
	const asc = repomdPath + ".asc"
	old.publish(h.ups[0])
	h.rpmWants(nil, repomdPath, old.files[repomdPath])
	h.rpmWants(nil, asc, old.files[asc])
	young.publish(h.ups[0], ".asc")
	young.publish(h.ups[1])
	h.advance(2 * time.Minute)
	h.rpmWants(nil, repomdPath, young.files[repomdPath])
	h.rpmWants(nil, asc, young.files[asc])
}

// TestRPMSignatureLeftToRot: one that belongs to another repomd.xml holds nobody up
// who never had a right one, and others not for good.
func TestRPMSignatureLeftToRot(t *testing.T) {
	h := newHouse(t, 1)
	const asc = repomdPath + ".asc"
	first, second, third := newRPM(h, "1", monday, true), newRPM(h, "2", tuesday, true).sign(h), newRPM(h, "3", tuesday.Add(time.Hour), true)
	first.files[asc] = second.files[asc]
	first.publish(h.ups[0])
	h.rpmWants(nil, repomdPath, first.files[repomdPath])
	if a, err := h.m.Open(t.Context(), Request{Repo: "rpm", Path: asc}); !errors.Is(err, ErrNotListed) {
		t.Errorf("a signature of another text: %v, %v", a, err)
	}
	second.publish(h.ups[0])
	h.advance(2 * time.Minute)
	h.rpmWants(nil, asc, second.files[asc])
	third.publish(h.ups[0])
	h.advance(2 * time.Minute)
	h.rpmWants(nil, repomdPath, second.files[repomdPath])
	h.advance(vanishedFor)
	h.rpmWants(nil, repomdPath, third.files[repomdPath])
}
