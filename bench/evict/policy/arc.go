package policy

// arc is ARC (Megiddo and Modha, FAST 2003): the share of what was used once
// follows from which of two lists of names is asked for more.
type arc struct {
	queues
	limit, once int64 // once is the paper's p
}

const (
	t1 uint8 = 1 + iota
	t2
	b1
	b2
)

func newARC(l Limits) Policy { return &arc{queues: newQueues(l.Objects), limit: l.Bytes} }

func (c *arc) Get(o Object, _ int64) bool {
	queue := c.in(o.ID)
	switch {
	case queue == t1 || queue == t2:
		c.move(t2, o.ID)
		return true
	case o.Size > c.limit:
		return false
	case queue == b1:
		c.once = min(c.limit, c.once+o.Size*max(1, c.bytes[b2]/max(1, c.bytes[b1])))
	case queue == b2:
		c.once = max(0, c.once-o.Size*max(1, c.bytes[b1]/max(1, c.bytes[b2])))
	}
	if queue != 0 {
		c.pull(o.ID)
	}
	for c.Bytes()+o.Size > c.limit {
		c.replace(queue == b2)
	}
	if queue != 0 {
		c.push(t2, o)
	} else {
		c.push(t1, o)
	}
	c.trim(b1, max(0, c.limit-c.bytes[t1]))
	c.trim(b2, max(0, 2*c.limit-c.bytes[t1]-c.bytes[t2]-c.bytes[b1]))
	return false
}

func (c *arc) replace(again bool) {
	id, ok := c.oldest(t1)
	if ok && (c.bytes[t1] > c.once || again && c.bytes[t1] == c.once || c.bytes[t2] == 0) {
		c.move(b1, id)
		return
	}
	if id, ok = c.oldest(t2); ok {
		c.move(b2, id)
	}
}

func (c *arc) Kill(uint32) {}

func (c *arc) Bytes() int64 { return c.bytes[t1] + c.bytes[t2] }
