// Package apt_test runs the real apt against the real mirrord:
//
//	apt-get (a root of its own) ──> mirrord ──> nginx ──> an archive that the test builds
//
// and looks at what apt says, at what nginx was asked for, and at the bytes.
package apt_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"mirrord/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

// fresh is the configured age up to which a root is served unasked.
const fresh = time.Second

// stage is an archive, its upstreams, and a mirrord before them.
type stage struct {
	*rig.Archive
	t       *testing.T
	sites   []*rig.Site
	nginxes []*rig.Nginx
	m       *rig.Mirrord
}

// newStage starts as many upstreams as told, with nothing in them yet.
func newStage(t *testing.T, layout rig.Layout, upstreams int) *stage {
	t.Helper()
	s := &stage{Archive: rig.NewArchive(t, layout), t: t}
	var urls []string
	for range upstreams {
		site := rig.NewSite(t)
		nginx := rig.StartNginx(t, site.Root)
		s.sites, s.nginxes = append(s.sites, site), append(s.nginxes, nginx)
		urls = append(urls, fmt.Sprintf("%q", nginx.URL))
	}
	s.m = rig.Start(t, rig.Config{
		Repos: fmt.Sprintf("- {name: test, type: apt, fresh: %s, upstreams: [%s]}\n", fresh, strings.Join(urls, ", ")),
	})
	return s
}

// client is a new apt that knows only mirrord.
func (s *stage) client(conf string) *rig.Apt {
	s.t.Helper()
	return rig.NewApt(s.t, s.Lines(s.m.URL("test")), conf)
}

// age lets what is fresh become old.
func (s *stage) age() { time.Sleep(fresh + 100*time.Millisecond) }

// get asks mirrord for a path of the repository, on a connection of its own.
func (s *stage) get(path string) rig.Reply { return rig.Get(s.m.URL("test", path)) }

// want fails the test unless the reply is whole, right and 200.
func want(t *testing.T, what string, r rig.Reply, bytesWanted []byte) {
	t.Helper()
	if r.Err != nil || r.Status != 200 || !bytes.Equal(r.Body, bytesWanted) {
		t.Errorf("%s: got %s, want 200 and the %d bytes of its generation\n%.200q", what, r.How(), len(bytesWanted), r.Body)
	}
}

// The packages of most tests. app needs lib, lib needs data.
var (
	app  = rig.Package{Name: "app", Version: "1:2.0~rc1+dfsg", Depends: "lib (>= 1.0)", Source: true}
	lib  = rig.Package{Name: "lib", Version: "1.0-1", Depends: "data", Size: 300 << 10}
	data = rig.Package{Name: "data", Version: "2026.1+b1", Size: 1 << 20}
	// app2 is what app becomes.
	app2 = rig.Package{Name: "app", Version: "1:2.0+dfsg", Depends: "lib (>= 1.0)", Source: true}
)

// versionOf is what `apt-cache policy` calls the candidate.
func versionOf(c *rig.Apt, p rig.Package) string {
	_, rest, _ := strings.Cut(c.Cache("policy", p.Name), "Candidate: ")
	version, _, _ := strings.Cut(rest, "\n")
	return version
}

// eventually waits until ok. Half a minute covers the pause after a failed
// refresh and the first cool-downs of a mirror's breaker.
func (s *stage) eventually(what string, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("it never came true that %s", what)
		}
	}
}
