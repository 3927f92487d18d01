package policy

// twoQ is 2Q (Johnson and Shasha, 1994) with its shares: a quarter for what was
// used once, in order of arrival, and names of half the cache's bytes of what went
// from there.
type twoQ struct {
	queues
	limit, in4, out2 int64
}

const (
	onceIn uint8 = 1 + iota
	onceOut
	main
)

func newTwoQ(l Limits) Policy {
	return &twoQ{queues: newQueues(l.Objects), limit: l.Bytes, in4: l.Bytes / 4, out2: l.Bytes / 2}
}

func (c *twoQ) Get(o Object, _ int64) bool {
	queue := c.in(o.ID)
	switch {
	case queue == main:
		c.move(main, o.ID)
		return true
	case queue == onceIn:
		return true
	case o.Size > c.limit:
		return false
	}
	if queue == onceOut {
		c.pull(o.ID)
	}
	c.makeRoom(o.Size)
	if queue == onceOut {
		c.push(main, o)
	} else {
		c.push(onceIn, o)
	}
	return false
}

func (c *twoQ) makeRoom(size int64) {
	for c.Bytes()+size > c.limit {
		if id, ok := c.oldest(main); ok && c.bytes[onceIn] <= c.in4 {
			c.pull(id)
			continue
		}
		id, _ := c.oldest(onceIn)
		c.move(onceOut, id)
		c.trim(onceOut, c.out2)
	}
}

func (c *twoQ) Kill(uint32) {}

func (c *twoQ) Bytes() int64 { return c.bytes[onceIn] + c.bytes[main] }
