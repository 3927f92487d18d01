package cache

import (
	"sync"

	"mirrord/internal/digest"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// hotObjects bounds the list: at about 300 bytes an object, 10 MB.
	hotObjects = 32 << 10
	// hotBody is the largest object kept whole in memory. Above, having the kernel
	// send the pages of the file costs less than copying them.
	hotBody = 16 << 10
	// hotBytes bounds the bodies together.
	hotBytes = 32 << 20
)

// hotEntries bounds the entries kept in memory, about 500 bytes each.
const hotEntries = 16 << 10

// names is the list of the entries used last.
type names struct {
	mu  sync.Mutex
	lru *simplelru.LRU[string, Entry] // guarded by mu
	// turn changes with every write, so that an entry read before a write is not
	// put in after it. Guarded by mu.
	turn uint64
}

func newNames() *names {
	n := new(names)
	n.lru, _ = simplelru.NewLRU[string, Entry](hotEntries, nil)
	return n
}

// get finds an entry; turn is for put where it does not.
func (n *names) get(name string) (e Entry, ok bool, turn uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e, ok = n.lru.Get(name)
	return e, ok, n.turn
}

func (n *names) put(name string, e Entry, turn uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.turn == turn {
		n.lru.Add(name, e)
	}
}

// drop forgets entries that were written.
func (n *names) drop(names ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.turn++
	for _, name := range names {
		n.lru.Remove(name)
	}
}

// hot is the list of the objects used last, with the bodies of the small ones.
type hot struct {
	mu    sync.Mutex
	lru   *simplelru.LRU[digest.Digest, *object] // guarded by mu
	bytes int64                                  // of the bodies; guarded by mu
}

func newHot() *hot {
	h := new(hot)
	h.lru, _ = simplelru.NewLRU(hotObjects, func(_ digest.Digest, o *object) {
		h.bytes -= int64(len(o.body))
	})
	return h
}

func (h *hot) get(d digest.Digest) (*object, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lru.Get(d)
}

// add puts o in front; o does not change afterwards.
func (h *hot) add(o *object) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if old, ok := h.lru.Peek(o.digest); ok {
		if old == o {
			return
		}
		h.lru.Remove(o.digest)
	}
	h.bytes += int64(len(o.body))
	h.lru.Add(o.digest, o)
	for h.bytes > hotBytes {
		h.lru.RemoveOldest()
	}
}

func (h *hot) remove(d digest.Digest) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lru.Remove(d)
}
