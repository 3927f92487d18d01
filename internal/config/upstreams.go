package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"

	"github.com/goccy/go-yaml/ast"
)

const expectedCert = "a PEM file"

// upstreams reads a list of URLs, or of mappings with more than that.
func (r *reader) upstreams(repo *Repo) setter {
	return r.list("upstreams", func(n ast.Node) error {
		one, own, err := r.upstream(n)
		if err != nil {
			return err
		}
		if repo.Type == OCI {
			one = registryURL(one)
		}
		for _, other := range repo.Upstreams {
			if other.String() == one.String() {
				return r.wrong(n, "upstream %q is listed twice, expected it once", one.Redacted())
			}
		}
		repo.Upstreams = append(repo.Upstreams, one)
		if own != nil {
			repo.TLS = append(repo.TLS, make([]*tls.Config, len(repo.Upstreams)-len(repo.TLS))...)
			repo.TLS[len(repo.TLS)-1] = own
		}
		return nil
	})
}

// upstream reads one; the tls.Config is nil where it has nothing of its own.
func (r *reader) upstream(n ast.Node) (one *url.URL, own *tls.Config, err error) {
	read := value(r, &one, "upstreams", expectedURL, ParseUpstream)
	if _, is := pairs(n); !is {
		return one, nil, read(n)
	}
	var cert, key, ca string
	err = r.mapping(n, "an upstream", map[string]setter{
		"url":  read,
		"cert": value(r, &cert, "cert", expectedCert, parseReadable),
		"key":  value(r, &key, "key", expectedCert, parseReadable),
		"ca":   value(r, &ca, "ca", expectedCert, parseReadable),
	})
	switch {
	case err != nil:
		return nil, nil, err
	case one == nil:
		return nil, nil, r.wrong(n, "an upstream without a URL, expected url: %s", expectedURL)
	case cert+key+ca == "":
		return one, nil, nil
	case one.Scheme != "https":
		return nil, nil, r.wrong(n, "upstream %q has certificates, expected an https URL with them", one.Redacted())
	}
	own, err = ownTLS(cert, key, ca)
	if err != nil {
		return nil, nil, r.wrong(n, "upstream %q: %v", one.Redacted(), err)
	}
	return one, own, nil
}

// ownTLS trusts the system's authorities and those in ca. The certificate is read
// anew for each connection: entitlements are renewed in place.
func ownTLS(cert, key, ca string) (*tls.Config, error) {
	own := &tls.Config{MinVersion: tls.VersionTLS12}
	if (cert == "") != (key == "") {
		return nil, errors.New("cert or key stands alone, expected both")
	}
	if cert != "" {
		if err := fits(cert, key); err != nil {
			return nil, err
		}
		own.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(cert, key)
			if err != nil { // clients read it: no path
				return nil, fmt.Errorf("the client certificate or its key cannot be used: %s", reason(err))
			}
			return &pair, nil
		}
	}
	if ca == "" {
		return own, nil
	}
	var err error
	own.RootCAs, err = rootsWith(ca)
	return own, err
}
