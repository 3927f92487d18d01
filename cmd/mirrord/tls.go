package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"mirrord/internal/certs"
	"mirrord/internal/config"
)

// secured is what TLS listeners need. The zero value is for those that there are
// not.
type secured struct {
	tls    *tls.Config
	around func(http.Handler) http.Handler // nil = nothing
	begin  func(context.Context)           // to be called when all listeners are served; nil = nothing
	expiry func() time.Time                // of the certificate; nil = it is not known
}

// secure reads the certificate, or gets ready to ask for one.
func secure(cfg *config.Config, log *slog.Logger) (secured, error) {
	switch t := cfg.TLS; {
	case t == nil:
		return secured{}, nil
	case t.ACME != nil:
		a := certs.NewAuthority(certs.Options{
			Hosts: t.ACME.Hosts, Email: t.ACME.Email, Directory: t.ACME.Directory, Roots: t.ACME.Roots,
			Dir: filepath.Join(cfg.DataDir, "acme"), UserAgent: userAgent(), Log: log,
		})
		return secured{tls: a.Config(), around: a.Challenges, begin: a.Obtain}, nil
	default:
		p, err := certs.NewPair(t.Cert, t.Key, nil, log)
		if err != nil {
			return secured{}, err
		}
		return secured{tls: p.Config(), expiry: p.Expiry}, nil
	}
}
