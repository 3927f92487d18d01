package cache

import (
	"bytes"
	"io"

	"mirrord/internal/digest"
)

// How says how a Content came.
type How int

const (
	Hit    How = iota // it was stored
	Miss              // this request began the flight
	Joined            // a flight was under way
)

// Content is the bytes of one object, stored or still in flight. It belongs to
// one goroutine, which must Close it.
type Content struct {
	// ReadSeeker gives the bytes. It is a *File where the object is stored, so
	// that the kernel can send it. Where Size is unknown it cannot seek.
	io.ReadSeeker
	Size   int64         // bytes, -1 unknown
	Digest digest.Digest // SHA-256 where it is known yet, else what the Want named, or ""
	Meta
	How    How
	Stored bool // the object is, or on success will be, stored

	store  *Store
	body   []byte
	file   *sharedFile
	reader *reader
}

// Whole reports that all bytes are here already.
func (c *Content) Whole() bool { return c.file != nil || c.body != nil }

// Bytes is the whole object where it is held in memory, else nil. It must not be
// changed.
func (c *Content) Bytes() []byte { return c.body }

func (c *Content) hold(body []byte) { c.body, c.ReadSeeker = body, bytes.NewReader(body) }

// Close lets the object go.
func (c *Content) Close() error {
	if c.file != nil {
		c.store.files.putBack(c.file)
		c.store.release(c.Digest)
		if err := c.Err(); err != nil {
			return c.store.lost(c.Digest, err)
		}
		return nil
	}
	if closer, ok := c.ReadSeeker.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// Err is what broke the reading off, nil while all is well. Who passed bytes on
// must then break off too, so that nobody takes them for whole.
func (c *Content) Err() error {
	if broken, ok := c.ReadSeeker.(interface{ broken() error }); ok {
		return broken.broken()
	}
	return nil
}

// OnWait sets a function that is called in Read before it blocks for bytes that
// have not come yet, so that what was read so far can be sent on its way.
func (c *Content) OnWait(fn func()) {
	if c.reader != nil {
		c.reader.onWait = fn
	}
}
