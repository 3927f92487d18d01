package bearer

import (
	"crypto/tls"
	"net/http"
	"testing"
)

func TestSecret(t *testing.T) {
	for field, want := range map[string]string{
		"": "", "Bearer a": "a", "bearer  a ": "a", "Basic a": "", "Bearer": "", "Bearer ": "", "a": "",
	} {
		r := &http.Request{Header: http.Header{"Authorization": {field}}}
		if got := Secret(r); got != want {
			t.Errorf("Secret of %q is %q, expected %q", field, got, want)
		}
	}
}

func TestPrivate(t *testing.T) {
	for _, c := range []struct {
		from    string
		tls     *tls.ConnectionState
		private bool
	}{
		{"127.0.0.1:1", nil, true}, {"[::1]:1", nil, true}, {"[::ffff:127.0.0.1]:1", nil, true},
		{"192.0.2.1:1", nil, false}, {"192.0.2.1:1", &tls.ConnectionState{}, true}, {"nobody", nil, false},
	} {
		r := &http.Request{RemoteAddr: c.from, TLS: c.tls, Header: http.Header{"X-Forwarded-For": {"127.0.0.1"}}}
		if got := Private(r); got != c.private {
			t.Errorf("from %s: %v, expected %v", c.from, got, c.private)
		}
	}
}
