package cache

import (
	"context"
	"errors"
	"io"
	"time"

	"mirrord/internal/digest"
)

// Source gives a flight its bytes. It is called from several goroutines.
type Source interface {
	// Open gives the object's bytes from off on. held is the validator of what
	// the flight has already, empty where it has nothing or where a digest will
	// judge. A source that cannot give that range of that representation answers
	// from 0. ErrNotModified says that the entry the Want has Seen still holds.
	Open(ctx context.Context, off int64, held Meta) (*Incoming, error)
	// Reject reports that what it gave was wrong. It gives the reason back, with
	// whose bytes they were.
	Reject(reason error) error
}

// Incoming is an answer of a Source.
type Incoming struct {
	Body io.ReadCloser
	Off  int64 // where Body begins
	End  int64 // one past Body's last byte, where a part was asked for
	Size int64 // of the whole object, -1 unknown
	// Framed says that the end of Body is proved by its framing, so that a
	// clean end is the end of the object.
	Framed bool
	Meta
}

// ErrNotModified is what a Source answers when what the caller has is current.
var ErrNotModified = errors.New("not modified")

// Want says which object is asked for, and what it must be.
type Want struct {
	// Name is the entry that will lead to the object; "" where its Digest is
	// enough.
	Name string
	// Digest that the bytes must have; "" where nobody vouches for them.
	Digest digest.Digest
	Size   int64 // bytes, -1 unknown
	// Account pays for the object where this brings it.
	Account string
	// Early lets readers have bytes before all are there and checked. Only for
	// what clients check themselves, or what nobody can check.
	Early bool
	// Transient objects are shared while in flight and not kept.
	Transient bool
	// From is the first byte that the caller will read.
	From int64
	// Seen is the entry of Name that the caller found wanting. Where it has been
	// renewed since, no flight is needed.
	Seen Entry
	// Patience bounds the wait for the flight's first answer, from its beginning;
	// 0 = no bound but the context. ErrPatience tells that it ran out; the flight goes on.
	Patience time.Duration
	// Unconfirmed: the source never said that Name leads to the object; it is asked at
	// the next use.
	Unconfirmed bool
	Source      Source

	life context.Context // the flight's, where something was carried into it; nil = the Store's
}

func (w Want) key() string {
	if w.Digest != "" {
		return string(w.Digest)
	}
	return "name:" + w.Name
}

var (
	// ErrPatience reports that the flight had no answer within Want.Patience.
	ErrPatience = errors.New("no answer from upstream yet")
	// ErrMismatch reports bytes that are not what was vouched for.
	ErrMismatch = errors.New("the bytes are not what the index names")

	// ErrBusy reports that as many flights are under way as there may be.
	ErrBusy = errors.New("too many downloads at once")

	// errUnstored: the bytes may be good but cannot be kept; readers go on
	// without the store.
	errUnstored = errors.New("cannot be stored")
	errParked   = errors.New("parked")
	errOver     = errors.New("over")
	errClosed   = errors.New("shutting down")
)
