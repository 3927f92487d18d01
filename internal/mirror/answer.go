package mirror

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
)

// Answer is the bytes of a path and how they came.
type Answer struct {
	*cache.Content
	// Strong says that the object's digest is its validator: an index names it.
	// Otherwise upstream's validators are all there is.
	Strong bool
	// Stale says why older bytes are served than upstream may have; "" where
	// they are fresh.
	Stale string
	// Validated: upstream was asked and said that what is stored is current.
	Validated bool
	// Repo is the registry that a Pull was answered from.
	Repo string
	// Named is the digest that a registry's client is told the object by, "" where
	// it has none.
	Named digest.Digest
	// Filtered: a list of referrers holds the type asked for only.
	Filtered bool
	// Coding is the content coding that the bytes are in, "" for none.
	Coding string

	kin *kin // nil = it is no dictionary
}

// drain reads it to its end, closes it and tells how many bytes that were.
func (a *Answer) drain() (n int64, err error) {
	n, err = io.Copy(io.Discard, a)
	return n, errors.Join(err, a.Err(), a.Close())
}

// CacheStatus is the value of the RFC 9211 field.
func (a *Answer) CacheStatus() string {
	if a.Stale != "" {
		return staleStatus(a.Stale)
	}
	var b strings.Builder
	b.WriteString("mirrord; ")
	switch {
	case a.Validated:
		b.WriteString("fwd=stale; fwd-status=304")
	case a.How == cache.Hit:
		b.WriteString("hit")
	default:
		b.WriteString("fwd=miss")
		if a.How == cache.Joined {
			b.WriteString("; collapsed")
		}
		if a.Stored {
			b.WriteString("; stored")
		}
	}
	return b.String()
}

// CacheStatus is an Answer's where the states are stale.
func (s States) CacheStatus() string { return staleStatus(s.Stale) }

func staleStatus(reason string) string { return fmt.Sprintf("mirrord; fwd=stale; detail=%q", reason) }
