package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// TLS is where the listeners of listen_tls get their certificate: a pair of files,
// or an authority that is asked for one.
type TLS struct {
	Cert, Key string // PEM files that fitted each other at load; "" with ACME
	ACME      *ACME
}

// ACME is an authority that issues certificates by RFC 8555.
type ACME struct {
	Hosts     []string       // the only names that a certificate is asked for
	Email     string         // told to the authority; "" = none
	Directory string         // "" = Let's Encrypt
	Roots     *x509.CertPool // whom the directory's own certificate may be of; nil = the system's
}

const (
	expectedHost  = `a host name such as "mirror.example.org", without wildcards`
	expectedEmail = "an address such as admin@example.org"
	expectedDir   = "an https URL"
	expectedTLS   = "cert and key, or acme"
)

// tls reads the key tls.
func (r *reader) tls(to **TLS) setter {
	return func(n ast.Node) error {
		t := new(TLS)
		err := r.mapping(n, "tls", map[string]setter{
			"cert": value(r, &t.Cert, "cert", expectedCert, parseReadable),
			"key":  value(r, &t.Key, "key", expectedCert, parseReadable),
			"acme": r.acme(&t.ACME),
		})
		switch {
		case err != nil:
			return err
		case t.Cert+t.Key != "" && t.ACME != nil:
			return r.wrong(n, "tls has both files and acme, expected %s", expectedTLS)
		case t.ACME != nil:
		case t.Cert == "" || t.Key == "":
			return r.wrong(n, "tls: cert or key is missing, expected %s", expectedTLS)
		default:
			if err := fits(t.Cert, t.Key); err != nil {
				return r.wrong(n, "tls: %v", err)
			}
		}
		*to = t
		return nil
	}
}

func (r *reader) acme(to **ACME) setter {
	return func(n ast.Node) error {
		a := new(ACME)
		var ca string
		err := r.mapping(n, "acme", map[string]setter{
			"hosts":     r.texts(&a.Hosts, "hosts", expectedHost, parseHost),
			"email":     value(r, &a.Email, "email", expectedEmail, parseEmail),
			"directory": value(r, &a.Directory, "directory", expectedDir, parseDirectory),
			"ca":        value(r, &ca, "ca", expectedCert, parseReadable),
		})
		switch {
		case err != nil:
			return err
		case len(a.Hosts) == 0:
			return r.wrong(n, "acme has no hosts, expected hosts: a list of %s", expectedHost)
		case ca != "":
			if a.Roots, err = rootsWith(ca); err != nil {
				return r.wrong(n, "acme: %v", err)
			}
		}
		*to = a
		return nil
	}
}

// served refuses listeners that nobody could use.
func (r *reader) served(n ast.Node, cfg *Config) error {
	switch {
	case len(cfg.ListenTLS) > 0 && cfg.TLS == nil:
		return r.wrong(field(n, "listen_tls"), "listen_tls without tls, expected tls: %s", expectedTLS)
	case len(cfg.Listen) == 0 && len(cfg.ListenTLS) == 0:
		return r.wrong(field(n, "listen"), "listen is an empty list, expected at least one address here or in listen_tls")
	}
	return nil
}

// fits reports what is wrong with a certificate and its key.
func fits(cert, key string) error {
	if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
		return fmt.Errorf("%s and %s: %s, expected a certificate and its key in PEM", cert, key, oneLine(err.Error()))
	}
	return nil
}

// rootsWith are the system's authorities and those in the file.
func rootsWith(ca string) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a machine without any
	}
	text, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("%s: %s, expected %s", ca, reason(err), expectedFile)
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate, expected %s", ca, expectedCert)
	}
	return pool, nil
}

// hostForm is a name that an authority can verify over HTTP or TLS: with a dot in
// it, and no address.
var hostForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$`)

func parseHost(s string) (string, error) {
	s = strings.ToLower(s)
	if len(s) > 253 || !hostForm.MatchString(s) {
		return "", fmt.Errorf("%q is no host name", s)
	}
	return s, nil
}

func parseEmail(s string) (string, error) {
	if user, host, ok := strings.Cut(s, "@"); !ok || user == "" || host == "" || strings.ContainsAny(s, " \t\n") {
		return "", fmt.Errorf("%q is no address", s)
	}
	return s, nil
}

func parseDirectory(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return "", errors.New("is no https URL without a user")
	}
	return s, nil
}
