package cache

import (
	"time"

	"mirrord/internal/digest"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// misledFor is how long a client may come to go on with wrong bytes that it keeps:
	// apt's partial files lie as long as ours.
	misledFor = partMaxAge
	// misledMost bounds the objects that are remembered, at about 150 bytes each.
	misledMost = 4096
)

// misled remembers of which objects clients were given wrong bytes, and when.
type misled struct {
	*lru.Cache[digest.Digest, time.Time]
}

func newMisled() misled {
	c, _ := lru.New[digest.Digest, time.Time](misledMost)
	return misled{c}
}

// mislead notes that clients have had bytes that are not those of d.
func (s *Store) mislead(d digest.Digest) { s.misled.Add(d, s.now()) }

// Misled reports whether clients were given wrong bytes of this object of late, and
// broken off. Who asks for no more than the rest may have them still, and should be
// given the whole: the validators that it had with them are those of the right ones.
func (c *Content) Misled() bool {
	if c.store == nil {
		return false
	}
	at, ok := c.store.misled.Peek(c.Digest)
	return ok && c.store.now().Sub(at) < misledFor
}
