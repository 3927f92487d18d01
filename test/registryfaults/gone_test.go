package registryfaults

import (
	"net/http"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// TestUpstreamGone: whatever was fetched is served, by tag and by digest, while
// upstream fails in any way, and after a kill too; what was not is refused as the API
// has it.
func TestUpstreamGone(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(*faulty.Server){
		"refused": (*faulty.Server).Down,
		"500":     func(u *faulty.Server) { u.Fail(faulty.All, faulty.Status(500).Always()) },
		"503":     func(u *faulty.Server) { u.Fail(faulty.All, faulty.Unavailable(2).Always()) },
		"hang":    func(u *faulty.Server) { u.Fail(faulty.All, faulty.Hang().Always()) },
		"drop":    func(u *faulty.Server) { u.Fail(faulty.All, faulty.Drop().Always()) },
		"page":    func(u *faulty.Server) { u.Fail(faulty.All, errorPage.Always()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := faulty.New(t)
			known := newImage("docker.io", "team/app", 1, blobSize)
			cold := newImage("docker.io", "team/other", 2, 1000)
			known.publish(u)
			cold.publish(u)
			m := start(t, hub(u))
			if err := known.fetch(m); err != nil {
				t.Fatal(err)
			}
			begin(u)
			u.Forget()
			if err := known.served(m, waitMost); err != nil {
				t.Error(err)
			}
			for range 3 { // who was there first has found out for all
				if err := known.served(m, time.Second+atOnceFor); err != nil {
					t.Errorf("again: %v", err)
				}
			}
			refuses(t, m, cold)
			m.Kill()
			m.Restart()
			if err := known.served(m, waitMost); err != nil {
				t.Errorf("after a kill: %v", err)
			}
			refuses(t, m, cold)
			m.Fsck(t)
		})
	}
}

// atOnceFor is what a busy machine may add to an answer from the store.
const atOnceFor = time.Second

// refuses fails the test where the image is not refused as one that upstream has and
// cannot give now.
func refuses(t *testing.T, m *rig.Mirrord, cold *image) {
	t.Helper()
	for _, p := range []string{byTag, cold.byDigest(), "tags/list"} {
		if err := failure(m, rig.Get(cold.url(m, p)), "docker.io", upstreamFailed...); err != nil {
			t.Errorf("%s that is not here: %v", p, err)
		}
	}
	r := rig.Get(cold.url(m, cold.layer(0)))
	if err := failure(m, r, "docker.io", upstreamFailed...); err != nil && r.Err == nil { // a page may begin like a blob
		t.Errorf("a blob that is not here: %v", err)
	}
}

func isHead(r *http.Request) bool { return r.Method == http.MethodHead }
