package policy

// lru drops what was used least recently.
type lru struct {
	queues
	limit int64
	fifo  bool // uses change nothing
}

func newLRU(l Limits) Policy  { return &lru{queues: newQueues(l.Objects), limit: l.Bytes} }
func newFIFO(l Limits) Policy { return &lru{queues: newQueues(l.Objects), limit: l.Bytes, fifo: true} }

func (c *lru) Get(o Object, _ int64) bool {
	if c.in(o.ID) == 1 {
		if !c.fifo {
			c.move(1, o.ID)
		}
		return true
	}
	if o.Size <= c.limit {
		c.trim(1, c.limit-o.Size)
		c.push(1, o)
	}
	return false
}

func (c *lru) Kill(uint32) {}

func (c *lru) Bytes() int64 { return c.bytes[1] }
