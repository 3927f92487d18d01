package policy

// queues are doubly linked lists over the objects of a trace. An object stands in
// one of them, or in none: queue 0.
type queues struct {
	node  []node
	first [most]int32
	last  [most]int32
	bytes [most]int64
}

// most bounds the queues of one policy; 0 is none.
const most = 8

type node struct {
	next, prev int32 // -1 = none
	size       int64
	queue      uint8
	uses       uint8
}

func newQueues(objects int) queues {
	q := queues{node: make([]node, objects)}
	for i := range most {
		q.first[i], q.last[i] = -1, -1
	}
	return q
}

// push puts o in front of a queue; it stands in none before.
func (q *queues) push(queue uint8, o Object) {
	n := &q.node[o.ID]
	n.queue, n.size, n.prev, n.next = queue, o.Size, -1, q.first[queue]
	if n.next >= 0 {
		q.node[n.next].prev = int32(o.ID)
	} else {
		q.last[queue] = int32(o.ID)
	}
	q.first[queue] = int32(o.ID)
	q.bytes[queue] += o.Size
}

// pull takes the object out of its queue.
func (q *queues) pull(id uint32) Object {
	n := &q.node[id]
	if n.prev >= 0 {
		q.node[n.prev].next = n.next
	} else {
		q.first[n.queue] = n.next
	}
	if n.next >= 0 {
		q.node[n.next].prev = n.prev
	} else {
		q.last[n.queue] = n.prev
	}
	q.bytes[n.queue] -= n.size
	n.queue = 0
	return Object{id, n.size}
}

// move puts the object in front of another queue, or of its own.
func (q *queues) move(queue uint8, id uint32) { q.push(queue, q.pull(id)) }

// oldest is the last object of a queue.
func (q *queues) oldest(queue uint8) (id uint32, ok bool) {
	return uint32(q.last[queue]), q.last[queue] >= 0
}

// trim takes the oldest out while the queue has more bytes than it may.
func (q *queues) trim(queue uint8, bytes int64) {
	for q.bytes[queue] > bytes {
		id, ok := q.oldest(queue)
		if !ok {
			return
		}
		q.pull(id)
	}
}

func (q *queues) in(id uint32) uint8 { return q.node[id].queue }
