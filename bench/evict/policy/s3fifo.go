package policy

// s3FIFO is S3-FIFO (Yang et al., SOSP 2023): a small queue of a tenth that most
// go out of again, a main one where uses give another round, and names of what
// went from the small one.
type s3FIFO struct {
	queues
	limit, small int64
}

const (
	small uint8 = 1 + iota
	large
	ghost
)

func newS3FIFO(l Limits) Policy {
	return &s3FIFO{queues: newQueues(l.Objects), limit: l.Bytes, small: l.Bytes / 10}
}

func (c *s3FIFO) Get(o Object, _ int64) bool {
	queue, n := c.in(o.ID), &c.node[o.ID]
	if queue == small || queue == large {
		n.uses = min(n.uses+1, 3)
		return true
	}
	if o.Size > c.limit {
		return false
	}
	if queue == ghost {
		c.pull(o.ID)
	}
	for c.Bytes()+o.Size > c.limit {
		c.evict()
	}
	n.uses = 0
	if queue == ghost {
		c.push(large, o)
	} else {
		c.push(small, o)
	}
	return false
}

func (c *s3FIFO) evict() {
	if id, ok := c.oldest(small); ok && (c.bytes[small] > c.small || c.bytes[large] == 0) {
		if c.node[id].uses > 1 {
			c.node[id].uses = 0
			c.move(large, id)
			return
		}
		c.move(ghost, id)
		c.trim(ghost, c.limit-c.small)
		return
	}
	id, _ := c.oldest(large)
	if c.node[id].uses > 0 {
		c.node[id].uses--
		c.move(large, id)
		return
	}
	c.pull(id)
}

func (c *s3FIFO) Kill(uint32) {}

func (c *s3FIFO) Bytes() int64 { return c.bytes[small] + c.bytes[large] }
