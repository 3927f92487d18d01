package upstream

import (
	"context"
	"crypto/tls"
	"net/http"
)

// handshakeKey is the host:port that a connection is made for.
type handshakeKey struct{}

// noting is conf, and remembers which hosts ask for a client certificate: most say
// nothing of it when they refuse who has none, or another.
func (t *Transport) noting(conf *tls.Config) *tls.Config {
	if conf == nil {
		conf = new(tls.Config)
	}
	conf = conf.Clone()
	give := conf.GetClientCertificate
	if give == nil && len(conf.Certificates) > 0 {
		return conf
	}
	conf.GetClientCertificate = func(ask *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if addr, ok := ask.Context().Value(handshakeKey{}).(string); ok {
			t.mu.Lock()
			t.asking[addr] = true
			t.mu.Unlock()
		}
		if give == nil {
			return new(tls.Certificate), nil // none
		}
		return give(ask)
	}
	return conf
}

// forHost tells noting whom a connection is for that is made in ctx.
func forHost(ctx context.Context, addr string) context.Context {
	return context.WithValue(ctx, handshakeKey{}, addr)
}

// whoAsks is what a refusal may come from, where m asks for a client certificate.
func (t *Transport) whoAsks(m *mirror, resp *http.Response) string {
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden: // nginx says 400, others 403
	default:
		return ""
	}
	t.mu.RLock()
	asks := t.asking[m.host]
	t.mu.RUnlock()
	switch {
	case !asks || !m.serves(resp.Request.URL):
		return ""
	case m.cert:
		return "; it asks for a client certificate, and got the configured one"
	}
	return "; it asks for a client certificate, and none is configured"
}
