// Package certs is where TLS listeners get their certificates from: a pair of files
// that somebody renews in place, or an authority that is asked by ACME (RFC 8555).
// Either is asked anew at each handshake, so that connections that stand are left
// alone and no restart is needed.
package certs
