package policy

// tinyLFU is W-TinyLFU (Einziger et al., 2017): an LRU window of a hundredth, and
// a segmented LRU into which comes what was asked for more often than what it
// would put out. The counts are exact here where the paper estimates them, and are
// halved when there were ten times as many uses as objects are held.
type tinyLFU struct {
	queues
	limit, window, protect int64
	asked                  []uint16
	uses, held             int
}

const (
	window uint8 = 1 + iota
	tried
	kept
)

func newTinyLFU(l Limits) Policy {
	rest := l.Bytes - l.Bytes/100
	return &tinyLFU{queues: newQueues(l.Objects), limit: l.Bytes, window: l.Bytes / 100, protect: rest * 8 / 10, asked: make([]uint16, l.Objects)}
}

func (c *tinyLFU) Get(o Object, _ int64) bool {
	c.count(o.ID)
	switch c.in(o.ID) {
	case window:
		c.move(window, o.ID)
		return true
	case tried, kept:
		c.move(kept, o.ID)
		for c.bytes[kept] > c.protect {
			id, _ := c.oldest(kept)
			c.move(tried, id)
		}
		return true
	}
	if o.Size > c.limit {
		return false
	}
	c.push(window, o)
	c.held++
	for c.bytes[window] > c.window {
		id, _ := c.oldest(window)
		c.admit(c.pull(id))
	}
	return false
}

// admit lets o in where each that must go for it was asked for less often.
func (c *tinyLFU) admit(o Object) {
	c.held--
	limit := c.limit - c.window
	if o.Size > limit {
		return
	}
	var out []uint32
	free := limit - c.bytes[tried] - c.bytes[kept]
	for id, queue := c.last[tried], tried; free < o.Size; id = c.node[id].prev {
		if id < 0 {
			queue++
			id = c.last[queue]
		}
		if c.asked[id] >= c.asked[o.ID] {
			return
		}
		out, free = append(out, uint32(id)), free+c.node[id].size
	}
	for _, id := range out {
		c.pull(id)
		c.held--
	}
	c.push(tried, o)
	c.held++
}

func (c *tinyLFU) count(id uint32) {
	c.asked[id]++
	if c.uses++; c.uses > 10*max(c.held, 1000) {
		c.uses /= 2
		for i := range c.asked {
			c.asked[i] /= 2
		}
	}
}

func (c *tinyLFU) Kill(uint32) {}

func (c *tinyLFU) Bytes() int64 { return c.bytes[window] + c.bytes[tried] + c.bytes[kept] }
