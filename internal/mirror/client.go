package mirror

import (
	"slices"
	"sync"
)

// Client is one connection: what it was given of each root decides what its
// later requests mean, so that a client halfway through a generation finishes
// it. Where a client comes back on another connection its address decides.
type Client struct {
	Addr string // without port

	mu    sync.Mutex
	given map[givenKey]string // generation by root; guarded by mu
}

type givenKey struct{ repo, dir string }

// seenKey is an address and the directory of a root, or one of the root's files.
type seenKey struct{ addr, path string }

// give notes that the client has been given that generation of a root.
func (r *repository) give(c *Client, dir, id string) {
	if c == nil {
		return
	}
	r.seen.Add(seenKey{c.Addr, dir}, id)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.given == nil {
		c.given = make(map[givenKey]string)
	}
	c.given[givenKey{r.Name, dir}] = id
}

// given is the generation of a root that the client has, "" where not known.
func (r *repository) given(c *Client, dir string) string {
	if c == nil {
		return ""
	}
	c.mu.Lock()
	id := c.given[givenKey{r.Name, dir}]
	c.mu.Unlock()
	if id == "" {
		id, _ = r.seen.Get(seenKey{c.Addr, dir})
	}
	return id
}

// behind lists the generations that the client's connection was given and that
// are current no more.
func (r *repository) behind(c *Client) (ids []string) {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, id := range c.given {
		if key.repo != r.Name {
			continue
		}
		if rt := r.known(key.dir); rt != nil && string(rt.head().ID) != id {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
