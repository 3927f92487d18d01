package mirror

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/repo/oci"
	"mirrord/internal/upstream"
)

// front has every request go through wrap first.
func (f *fakeRegistry) front(wrap func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	next := f.Config.Handler
	f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { wrap(w, r, next) })
}

// delayed has every answer wait, so that questions at once meet.
func delayed(w http.ResponseWriter, r *http.Request, next http.Handler) {
	time.Sleep(50 * time.Millisecond)
	next.ServeHTTP(w, r)
}

// users are n who may read, for image.users and for asking.
func users(n int) (passwords map[string]string, all []upstream.Login) {
	passwords = map[string]string{}
	for i := range n {
		l := upstream.Login{Username: fmt.Sprintf("u%d", i), Password: "p"}
		passwords[l.Username] = l.Password
		all = append(all, l)
	}
	return passwords, all
}

// TestManyReaders: any number of users get a tag at once, each by its own right, and
// the manifest is fetched once.
func TestManyReaders(t *testing.T) {
	h := newHub(t, nil)
	im := h.main.image("corp/app")
	var all []upstream.Login
	im.users, all = users(12)
	d := im.push("1", "x")
	h.main.front(delayed)
	var wg sync.WaitGroup
	for _, l := range append(all, nobody) {
		wg.Go(func() {
			a, err := h.pull(l, "corp/app/manifests/1")
			switch {
			case l == nobody && !refused(err):
				t.Errorf("nobody: %v, expected a refusal", err)
			case l == nobody:
			case err != nil:
				t.Errorf("%s: %v", l.Username, err)
			case a.Named != d:
				t.Errorf("%s has %s, expected %s", l.Username, a.Named, d)
			}
			if err == nil {
				a.Close()
			}
		})
	}
	wg.Wait()
	gets := 0
	for _, line := range h.main.asked() {
		if strings.HasPrefix(line, "GET ") && strings.HasSuffix(line, " 200") {
			gets++
		}
	}
	if gets != 1 {
		t.Errorf("the manifest was fetched %d times", gets)
	}
}

// TestMissingForMany: what upstream has not is asked for once, however many want it.
func TestMissingForMany(t *testing.T) {
	h := newHub(t, nil)
	h.main.image("a/b").push("1", "x")
	h.main.front(delayed)
	none := digest.Of([]byte("none"))
	for path, asked := range map[string]string{
		"a/b/blobs/" + string(none): "GET a/b/blobs/" + short(none) + " 404",
		"a/b/manifests/none":        "GET a/b/manifests/none 404",
		"a/b/tags/list":             "GET a/b/tags/list 404",
	} {
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { h.refuses(nobody, path) })
		}
		wg.Wait()
		h.wantsAsked(h.main, asked)
	}
}

// TestOthersFailure: a fetch that fails for what concerns another client only, its
// registry or its account, fails nobody who joined it.
func TestOthersFailure(t *testing.T) {
	rich, poor := upstream.Login{Username: "rich", Password: "p"}, upstream.Login{Username: "poor", Password: "p"}
	for _, c := range []struct{ other, own string }{
		{"other/b/two/blobs/", "a/one/blobs/"},
		{"a/one/blobs/", "a/one/blobs/"},
		{"a/one/manifests/1", "a/one/manifests/1"},
	} {
		h := newHub(t, nil)
		im := h.main.image("a/one")
		im.users = map[string]string{"rich": "p", "poor": "p"}
		d := im.push("1", layer("base"))
		h.other.image("b/two").push("1", layer("base"))
		begun, end := make(chan struct{}, 100), make(chan struct{})
		fails := func(status int) func(http.ResponseWriter, *http.Request, http.Handler) {
			return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if user, _, _ := r.BasicAuth(); status == 429 && user != "poor" {
					next.ServeHTTP(w, r)
					return
				}
				begun <- struct{}{}
				<-end
				w.WriteHeader(status)
			}
		}
		h.other.front(fails(500))
		h.main.front(fails(429))
		want := im.blobs[d]
		if strings.HasSuffix(c.own, "blobs/") {
			want = layer("base")
			c.other += string(digest.Of([]byte(want)))
			c.own += string(digest.Of([]byte(want)))
		}
		done := make(chan error)
		go func() {
			_, err := h.pull(poor, c.other)
			done <- err
		}()
		<-begun
		time.AfterFunc(100*time.Millisecond, func() { close(end) }) // rich has joined by then; else nothing is shown
		h.gets(rich, c.own, want)
		if err := <-done; err == nil || refused(err) {
			t.Errorf("%s: %v, expected upstream's failure", c.other, err)
		}
	}
}

// TestAcceptForRight: registries deny that they have a manifest to who does not
// accept its type.
func TestAcceptForRight(t *testing.T) {
	h := newHub(t, nil)
	h.main.front(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.Contains(r.URL.Path, "/manifests/") && !strings.Contains(r.Header.Get("Accept"), oci.TypeManifest) {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		next.ServeHTTP(w, r)
	})
	im := h.main.image("corp/app")
	var all []upstream.Login
	im.users, all = users(2)
	d := im.push("1", "x")
	for _, l := range all {
		h.gets(l, "corp/app/manifests/"+string(d), im.blobs[d])
	}
}

// TestNoEndsYes: upstream's no ends the yes of before, also for when it is away.
func TestNoEndsYes(t *testing.T) {
	ann := upstream.Login{Username: "ann", Password: "a"}
	h := newHub(t, nil)
	im := h.main.image("corp/app")
	d := im.push("1", layer("secret"))
	path := "corp/app/manifests/" + string(d)
	h.gets(nobody, path, im.blobs[d])
	h.gets(ann, path, im.blobs[d])
	h.main.set(func() { im.users = map[string]string{"bob": "b"} })
	h.advance(allowedFor + time.Second)
	h.refuses(nobody, path)
	h.refuses(ann, path)
	h.main.set(func() { h.main.fail = 500 })
	h.advance(time.Minute)
	for _, l := range []upstream.Login{nobody, ann} {
		for _, p := range []string{path, "corp/app/manifests/1"} {
			if a, err := h.pull(l, p); err == nil {
				a.Close()
				t.Errorf("%q got %s while upstream is away", l.Username, p)
			}
		}
	}
}

// TestPublicWithLogin: what nobody needs credentials for is not kept from who has
// some, when upstream cannot be asked.
func TestPublicWithLogin(t *testing.T) {
	h := newHub(t, nil)
	im := h.main.image("library/alpine")
	d := im.push("3", "own")
	h.gets(nobody, "alpine/manifests/3", im.blobs[d])
	h.main.set(func() { h.main.fail = 500 })
	h.advance(2 * allowedStale)
	h.gets(upstream.Login{Username: "ann", Password: "a"}, "alpine/manifests/3", im.blobs[d])
}
