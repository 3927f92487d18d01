package policy

import "container/heap"

// gdsf is Greedy-Dual-Size with frequency (Cherkasova, 1998): what has the least
// uses a byte goes first, and what comes later starts where the last victim stood.
// With size as the cost it is LFU with dynamic aging (Arlitt et al., 1999).
type gdsf struct {
	held      heaped
	used      []float64
	limit     int64
	bytes     int64
	inflation float64
	bySize    bool
}

func newGDSF(l Limits) Policy  { return newGreedy(l, true) }
func newLFUDA(l Limits) Policy { return newGreedy(l, false) }

func newGreedy(l Limits, bySize bool) *gdsf {
	return &gdsf{held: newHeaped(l.Objects), used: make([]float64, l.Objects), limit: l.Bytes, bySize: bySize}
}

func (c *gdsf) worth(o Object) float64 {
	if c.bySize {
		return c.inflation + c.used[o.ID]/float64(max(1, o.Size))
	}
	return c.inflation + c.used[o.ID]
}

func (c *gdsf) Get(o Object, at int64) bool {
	if i := c.held.at[o.ID]; i >= 0 {
		c.used[o.ID]++
		c.held.list[i].worth, c.held.list[i].last = c.worth(o), at
		heap.Fix(&c.held, int(i))
		return true
	}
	if o.Size > c.limit {
		return false
	}
	for c.Bytes()+o.Size > c.limit {
		out := heap.Pop(&c.held).(valued)
		c.inflation = out.worth
		c.bytes -= out.Size
	}
	c.used[o.ID] = 1
	c.bytes += o.Size
	heap.Push(&c.held, valued{o, c.worth(o), at})
	return false
}

func (c *gdsf) Kill(uint32) {}

func (c *gdsf) Bytes() int64 { return c.bytes }

type valued struct {
	Object
	worth float64
	last  int64 // use, in seconds; of two worth the same the older goes first
}

// heaped is a heap of objects, the least worth on top, that knows where each is.
type heaped struct {
	list []valued
	at   []int32 // by object, -1 = not held
}

func newHeaped(objects int) heaped {
	h := heaped{at: make([]int32, objects)}
	for i := range h.at {
		h.at[i] = -1
	}
	return h
}

func (h *heaped) Len() int { return len(h.list) }

func (h *heaped) Less(i, j int) bool {
	a, b := h.list[i], h.list[j]
	if a.worth != b.worth {
		return a.worth < b.worth
	}
	return a.last < b.last
}

func (h *heaped) Swap(i, j int) {
	h.list[i], h.list[j] = h.list[j], h.list[i]
	h.at[h.list[i].ID], h.at[h.list[j].ID] = int32(i), int32(j)
}

func (h *heaped) Push(x any) {
	h.list = append(h.list, x.(valued))
	h.at[x.(valued).ID] = int32(len(h.list) - 1)
}

func (h *heaped) Pop() any {
	x := h.list[len(h.list)-1]
	h.list = h.list[:len(h.list)-1]
	h.at[x.ID] = -1
	return x
}
