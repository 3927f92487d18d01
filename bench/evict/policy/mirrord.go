package policy

import (
	"container/heap"

	"mirrord/internal/worth"
)

// ours is what mirrord's store does, in memory: package worth says in both what an
// object is worth, when a use counts and which of the two parts loses one.
type ours struct {
	limit  int64
	marked bool // superseded objects are known
	parts  [3]heaped
	bytes  [3]int64
	clock  [3]float64
	object []held
}

const (
	dead = iota
	usedOnce
	usedAgain
)

type held struct {
	uses int
	last int64 // the last use that counted, in seconds
	dead bool
}

func newOurs(l Limits) Policy {
	return &ours{limit: l.Bytes, parts: [3]heaped{newHeaped(l.Objects), newHeaped(l.Objects), newHeaped(l.Objects)}, object: make([]held, l.Objects), marked: true}
}

func newUnmarked(l Limits) Policy {
	c := newOurs(l).(*ours)
	c.marked = false
	return c
}

func (c *ours) Get(o Object, at int64) bool {
	h := &c.object[o.ID]
	for part := range c.parts {
		if c.parts[part].at[o.ID] >= 0 {
			if worth.Again(h.last*1000, at*1000) {
				c.take(o, part)
				h.uses = min(h.uses+1, worth.UsesMost)
				h.last = at
				c.put(o)
			}
			return true
		}
	}
	if o.Size > c.limit {
		return false
	}
	for c.Bytes()+o.Size > c.limit {
		c.evict()
	}
	*h = held{uses: 1, last: at}
	c.put(o)
	return false
}

func (c *ours) put(o Object) {
	h := c.object[o.ID]
	part := usedOnce
	if h.uses > 1 {
		part = usedAgain
	}
	value := c.clock[part] + worth.Of(h.uses, o.Size)
	if h.dead {
		part = dead
	}
	c.bytes[part] += o.Size
	heap.Push(&c.parts[part], valued{o, value, h.last})
}

func (c *ours) take(o Object, part int) valued {
	c.bytes[part] -= o.Size
	return heap.Remove(&c.parts[part], int(c.parts[part].at[o.ID])).(valued)
}

func (c *ours) evict() {
	order := [...]int{dead, usedAgain, usedOnce}
	if worth.OnceFirst(c.bytes[usedOnce], c.bytes[usedAgain]) {
		order = [...]int{dead, usedOnce, usedAgain}
	}
	for _, part := range order {
		if c.parts[part].Len() > 0 {
			out := c.take(c.parts[part].list[0].Object, part)
			c.clock[part] = max(c.clock[part], out.worth)
			return
		}
	}
}

func (c *ours) Kill(id uint32) {
	if !c.marked {
		return
	}
	for part := usedOnce; part <= usedAgain; part++ {
		if at := c.parts[part].at[id]; at >= 0 {
			v := c.take(c.parts[part].list[at].Object, part)
			c.object[id].dead = true
			c.bytes[dead] += v.Size
			heap.Push(&c.parts[dead], v)
		}
	}
}

func (c *ours) Bytes() int64 { return c.bytes[dead] + c.bytes[usedOnce] + c.bytes[usedAgain] }
