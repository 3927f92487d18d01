package policy

// sieve is SIEVE (Zhang et al., NSDI 2024): a queue in order of arrival, and a
// hand that passes over what was used since it came by.
type sieve struct {
	queues
	limit int64
	hand  int32
}

func newSieve(l Limits) Policy {
	return &sieve{queues: newQueues(l.Objects), limit: l.Bytes, hand: -1}
}

func (c *sieve) Get(o Object, _ int64) bool {
	if c.in(o.ID) == 1 {
		c.node[o.ID].uses = 1
		return true
	}
	if o.Size > c.limit {
		return false
	}
	for c.Bytes()+o.Size > c.limit {
		c.evict()
	}
	c.push(1, o)
	c.node[o.ID].uses = 0
	return false
}

func (c *sieve) evict() {
	at := c.hand
	if at < 0 {
		at = c.last[1]
	}
	for c.node[at].uses > 0 {
		c.node[at].uses = 0
		if at = c.node[at].prev; at < 0 {
			at = c.last[1]
		}
	}
	c.hand = c.node[at].prev
	c.pull(uint32(at))
}

func (c *sieve) Kill(uint32) {}

func (c *sieve) Bytes() int64 { return c.bytes[1] }
