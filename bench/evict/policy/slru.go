package policy

// slru is the segmented LRU (Karedla et al., 1994): what is used again is
// protected, and what is protected no longer gets a second chance.
type slru struct {
	queues
	limit, protect int64
}

const (
	probation uint8 = 1 + iota
	protected
)

func newSLRU(l Limits) Policy {
	return &slru{queues: newQueues(l.Objects), limit: l.Bytes, protect: l.Bytes * 8 / 10}
}

func (c *slru) Get(o Object, _ int64) bool {
	if c.in(o.ID) != 0 {
		c.move(protected, o.ID)
		for c.bytes[protected] > c.protect {
			id, _ := c.oldest(protected)
			c.move(probation, id)
		}
		return true
	}
	if o.Size > c.limit {
		return false
	}
	for c.Bytes()+o.Size > c.limit {
		id, ok := c.oldest(probation)
		if !ok {
			id, _ = c.oldest(protected)
		}
		c.pull(id)
	}
	c.push(probation, o)
	return false
}

func (c *slru) Kill(uint32) {}

func (c *slru) Bytes() int64 { return c.bytes[probation] + c.bytes[protected] }
