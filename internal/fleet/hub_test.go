package fleet

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"mirrord/internal/token"
)

// tokens are known by their secrets.
type tokens map[string]token.Token

func (all tokens) Find(secret string) (token.Token, error) {
	t, ok := all[secret]
	if !ok {
		return t, token.ErrUnknown
	}
	return t, nil
}

var someTokens = tokens{
	"edge": {Name: "e", Role: token.Edge, Repos: []string{"debian", "docker.io", "gone"}}, "admin": {Name: "a", Role: token.Admin},
}

// settled is for a handler without a server.
func settled(http.ResponseWriter, *http.Request) {}

func TestAdmit(t *testing.T) {
	served := ""
	note := func(kind string) Serve {
		return func(_ http.ResponseWriter, r *http.Request, repo, escaped string) {
			served = kind + " " + repo + " " + escaped
			if r.Header.Get("Authorization") != "" {
				t.Error("the token was passed on")
			}
		}
	}
	for _, c := range []struct {
		path, secret, from string
		plain              bool
		status             int
		served             string
	}{
		{"repos/debian/a/b", "edge", "127.0.0.1:1", false, 200, "tree debian a/b"},
		{"repos/debian/a%2eb", "edge", "127.0.0.1:1", false, 200, "tree debian a%2eb"},
		{"repos/docker.io/v2/a/tags/list", "edge", "127.0.0.1:1", false, 200, "registry docker.io /v2/a/tags/list"},
		{"repos/secret/a", "edge", "127.0.0.1:1", false, 403, ""},
		{"repos/gone/a", "edge", "127.0.0.1:1", false, 403, ""}, // granted, and configured no more
		{"repos/debia%6e/a", "edge", "127.0.0.1:1", false, 403, ""},
		{"repos", "edge", "127.0.0.1:1", false, 404, ""},
		{"repos/debian/a", "", "127.0.0.1:1", false, 401, ""},
		{"repos/debian/a", "other", "127.0.0.1:1", false, 401, ""},
		{"repos/debian/a", "admin", "127.0.0.1:1", false, 403, ""},
		{"repos/debian/a", "edge", "192.0.2.1:1", false, 403, ""},
		{"repos/debian/a", "edge", "192.0.2.1:1", true, 200, "tree debian a"},
	} {
		h := NewHub(HubOptions{Tokens: someTokens, Registries: map[string]bool{"debian": false, "docker.io": true, "secret": false}, PlainHTTP: c.plain})
		r := httptest.NewRequest("GET", Prefix+"/"+c.path, nil)
		r.RemoteAddr = c.from
		if c.secret != "" {
			r.Header.Set("Authorization", "Bearer "+c.secret)
		}
		served = ""
		w := httptest.NewRecorder()
		h.Handler(note("tree"), note("registry"), settled).ServeHTTP(w, r)
		if w.Code != c.status || served != c.served {
			t.Errorf("%+v: %d, served %q", c, w.Code, served)
		}
		if refused := w.Code == 401 || w.Code == 403; refused != (w.Header().Get("WWW-Authenticate") != "") {
			t.Errorf("%+v: %d with %v", c, w.Code, w.Header())
		}
	}
}

func TestAddress(t *testing.T) {
	hub, _ := url.Parse("https://hub.example:8443")
	for registry, want := range map[bool]string{false: "https://hub.example:8443/fleet/v1/repos/a", true: "https://hub.example:8443/fleet/v1/repos/a/v2"} {
		if got := Address(hub, "a", registry).String(); got != want {
			t.Errorf("%s, expected %s", got, want)
		}
	}
}
