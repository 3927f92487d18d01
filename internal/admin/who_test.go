package admin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestWho: no token, a wrong one, an expired or revoked one, and one of a role that is
// too low.
func TestWho(t *testing.T) {
	d := newDesk(t)
	d.file("a/1", "one")
	secrets := map[string]string{"": "", "wrong": "mirrord_wrong", "local": d.local}
	for _, role := range []string{"read", "operate", "admin"} {
		got := d.wants("POST", "/api/v1/tokens", `{"name":"`+role+`","role":"`+role+`"}`)
		secrets[role] = got["secret"].(string)
	}
	short := d.wants("POST", "/api/v1/tokens", `{"name":"short","role":"admin","expires_in":60}`)
	secrets["short"] = short["secret"].(string)
	d.now = d.now.Add(time.Hour)
	gone := d.wants("POST", "/api/v1/tokens", `{"name":"gone","role":"admin"}`)
	secrets["gone"] = gone["secret"].(string)
	d.wants("DELETE", "/api/v1/tokens/gone", "")
	d.audited()

	const look, operate, admin = `GET /api/v1/status`, `POST /api/v1/purge {"repo":"files","prefix":"none"}`, `GET /api/v1/tokens`
	for _, c := range []struct {
		who, call string
		status    int
	}{
		{"", look, 401}, {"wrong", look, 401}, {"short", look, 401}, {"gone", look, 401},
		{"read", look, 200}, {"read", operate, 403}, {"read", "PURGE /files/a/1 ", 403}, {"read", admin, 403},
		{"operate", look, 200}, {"operate", operate, 200}, {"operate", admin, 403},
		{"admin", look, 200}, {"admin", operate, 200}, {"admin", admin, 200}, {"local", admin, 200},
		{"", "GET /api/v1/none", 401}, {"read", "GET /api/v1/none", 404}, {"", "PURGE /files/a/1 ", 401}, {"read", "DELETE /api/v1/status", 405},
	} {
		method, rest, _ := strings.Cut(c.call, " ")
		path, body, _ := strings.Cut(rest, " ")
		status, got := d.do(method, path, secrets[c.who], body, nil)
		if status != c.status {
			t.Errorf("%q, %s: %d %v, expected %d", c.who, c.call, status, got, c.status)
		}
	}
	for _, a := range d.audited() {
		if a.Act != "purge" || a.Token != "operate" && a.Token != "admin" {
			t.Errorf("%+v was written down, expected the two purges", a)
		}
	}
}

// TestWhence: over plain HTTP only this machine is answered, and no other site's page.
func TestWhence(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		status int
	}{
		{"this machine", func(*http.Request) {}, 200},
		{"this machine, mapped", func(r *http.Request) { r.RemoteAddr = "[::ffff:127.0.0.1]:1" }, 200},
		{"IPv6", func(r *http.Request) { r.RemoteAddr = "[::1]:1" }, 200},
		{"another", func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1" }, 403},
		{"another that claims", func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1"; r.Header.Set("X-Forwarded-For", "127.0.0.1") }, 403},
		{"another site", func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }, 403},
		{"its own site", func(r *http.Request) { r.Header.Set("Origin", "http://"+r.Host) }, 200},
	} {
		if status, got := d.do("GET", "/api/v1/status", d.local, "", c.change); status != c.status {
			t.Errorf("%s: %d %v, expected %d", c.name, status, got, c.status)
		}
	}
	lifted := d.options
	lifted.PlainHTTP = true
	d.h = New(lifted)
	if status, got := d.do("GET", "/api/v1/status", d.local, "", func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1" }); status != http.StatusOK {
		t.Errorf("another, where that is allowed: %d %v", status, got)
	}
	d.h = New(d.options)
	r := httptest.NewRequest("GET", "https://mirror.example/api/v1/status", nil)
	r.RemoteAddr = "192.0.2.1:1"
	r.Header.Set("Authorization", "bearer "+d.local)
	w := httptest.NewRecorder()
	d.h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Errorf("over TLS: %d %s", w.Code, w.Body)
	}
}
