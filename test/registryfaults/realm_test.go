package registryfaults

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"mirrord/internal/faulty"
)

// realm is a token server, and what makes a faulty.Server believe its tokens.
type realm struct {
	*httptest.Server

	mu    sync.Mutex
	made  int              // tokens; guarded by mu
	left  map[string]int   // requests that a token is still good for; guarded by mu
	each  int              // requests that a new token is good for; guarded by mu
	spoil http.HandlerFunc // in place of a token, nil none; guarded by mu
	asked []string         // who asked, "" nobody; guarded by mu
}

// forever is the number of requests of a token that does not end.
const forever = 1 << 30

func newRealm(t *testing.T) *realm {
	s := &realm{left: map[string]int{}, each: forever}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *realm) host() string { return strings.TrimPrefix(s.URL, "http://") }

func (s *realm) serve(w http.ResponseWriter, r *http.Request) {
	user, given, _ := r.BasicAuth()
	s.mu.Lock()
	s.asked = append(s.asked, user)
	spoil := s.spoil
	token := fmt.Sprintf("token-%d-%s", s.made, user)
	if right := user == "" || given == password; spoil == nil && right {
		s.made++
		s.left[token] = s.each
	} else if spoil == nil {
		spoil = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }
	}
	s.mu.Unlock()
	if spoil != nil {
		spoil(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"token": token, "expires_in": 300}) // who left needs none
}

// set changes how tokens are given from now on, and ends those given before.
func (s *realm) set(each int, spoil http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.each, s.spoil = each, spoil
	clear(s.left)
}

// exchanges are how often a token was asked for.
func (s *realm) exchanges() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// admits uses a request of the token up.
func (s *realm) admits(r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.left[token]--
	return s.left[token] >= 0
}

// guard has u refuse whom no token admits.
func (s *realm) guard(u *faulty.Server, at string) {
	challenge := fmt.Sprintf(`Bearer realm="%s",service="registry.test",scope="repository:team/app:pull"`, at)
	u.Fail(faulty.All, faulty.Status(401, "WWW-Authenticate", challenge).When(func(r *http.Request) bool { return !s.admits(r) }).Always())
}
