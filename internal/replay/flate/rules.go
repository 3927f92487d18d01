package flate

import (
	"cmp"
	"slices"
)

// A rule makes the lengths of a code from how often each symbol is used. Two are
// known: encoders agree in the cost of the whole, not in who gets which length.
type rule func(freq []int32, lengths []uint8, limit int)

var rules = [...]rule{zlibRule, mergeRule}

// zlibRule is zlib's: Huffman's tree by a heap, where of two that are equally
// frequent the shallower comes first; what is too long is then moved up.
func zlibRule(freq []int32, lengths []uint8, limit int) {
	clear(lengths)
	h := zlibHeap{nodes: make([]zlibNode, 0, 2*len(freq))}
	last := -1
	for i, f := range freq {
		h.nodes = append(h.nodes, zlibNode{freq: f, parent: -1})
		if f > 0 {
			h.heap = append(h.heap, i)
			last = i
		}
	}
	for len(h.heap) < 2 { // a code has two symbols, used or not
		i := 0
		if last < 2 {
			last++
			i = last
		}
		h.nodes[i].freq = 1
		h.heap = append(h.heap, i)
	}
	for i := len(h.heap)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
	order := h.join() // from the root down
	assign(order, h.nodes, len(freq), lengths, limit)
}

type zlibNode struct {
	freq   int32
	depth  uint8
	parent int
	bits   int
}

type zlibHeap struct {
	nodes []zlibNode
	heap  []int
}

func (h *zlibHeap) less(a, b int) bool {
	x, y := &h.nodes[a], &h.nodes[b]
	return x.freq < y.freq || x.freq == y.freq && x.depth <= y.depth
}

// down sinks the i-th of the heap to its place.
func (h *zlibHeap) down(i int) {
	v := h.heap[i]
	for j := 2*i + 1; j < len(h.heap); j = 2*i + 1 {
		if j+1 < len(h.heap) && h.less(h.heap[j+1], h.heap[j]) {
			j++
		}
		if h.less(v, h.heap[j]) {
			break
		}
		h.heap[i] = h.heap[j]
		i = j
	}
	h.heap[i] = v
}

// join builds the tree. It returns all nodes, those that were joined last first.
func (h *zlibHeap) join() []int {
	var joined []int
	for {
		a := h.heap[0]
		n := len(h.heap) - 1
		h.heap[0] = h.heap[n]
		h.heap = h.heap[:n]
		h.down(0)
		b := h.heap[0]
		joined = append(joined, a, b)
		x, y := &h.nodes[a], &h.nodes[b]
		sum := zlibNode{freq: x.freq + y.freq, depth: max(x.depth, y.depth) + 1, parent: -1}
		x.parent, y.parent = len(h.nodes), len(h.nodes)
		h.heap[0] = len(h.nodes)
		h.nodes = append(h.nodes, sum)
		if len(h.heap) == 1 {
			joined = append(joined, h.heap[0])
			slices.Reverse(joined)
			return joined
		}
		h.down(0)
	}
}

// assign gives each leaf its depth as its length. Where that is over the limit,
// lengths are moved: the deepest leaf above the limit goes one down and takes one of the
// long ones beside it; then the least frequent get the longest.
func assign(order []int, nodes []zlibNode, leaves int, lengths []uint8, limit int) {
	var count [maxCode + 1]int
	over := 0
	for _, i := range order {
		n := &nodes[i]
		if n.parent >= 0 {
			n.bits = nodes[n.parent].bits + 1
			if n.bits > limit {
				n.bits = limit
				over++
			}
		}
		if i < leaves {
			count[n.bits]++
			lengths[i] = uint8(n.bits)
		}
	}
	if over == 0 {
		return
	}
	for ; over > 0; over -= 2 {
		b := limit - 1
		for count[b] == 0 {
			b--
		}
		count[b]--
		count[b+1] += 2
		count[limit]--
	}
	at := len(order)
	for b := limit; b > 0; b-- {
		for n := count[b]; n > 0; {
			at--
			if i := order[at]; i < leaves {
				lengths[i] = uint8(b)
				n--
			}
		}
	}
}

// mergeRule is that of Go's encoders: the best code within the limit, by merging
// packages (Larmore and Hirschberg), a package before a leaf as frequent; of those with
// equal frequency, the later symbol is the shorter.
func mergeRule(freq []int32, lengths []uint8, limit int) {
	clear(lengths)
	leaves := make([]int, 0, len(freq))
	for i, f := range freq {
		if f > 0 {
			leaves = append(leaves, i)
		}
	}
	if len(leaves) == 0 {
		lengths[0] = 1
	}
	if len(leaves) <= 2 {
		for _, i := range leaves {
			lengths[i] = 1
		}
		return
	}
	slices.SortStableFunc(leaves, func(a, b int) int { return cmp.Compare(freq[a], freq[b]) })
	limit = min(limit, len(leaves)-1)
	isLeaf := make([][]bool, limit)
	var row []int64
	for level := range limit {
		row, isLeaf[level] = mergeRow(row, leaves, freq)
	}
	take := 2*len(leaves) - 2
	for level := limit - 1; level >= 0; level-- {
		n := 0
		for _, leaf := range isLeaf[level][:take] {
			if leaf {
				lengths[leaves[n]]++
				n++
			}
		}
		take = 2 * (take - n)
	}
}

// mergeRow merges the leaves with the pairs of the row below.
func mergeRow(below []int64, leaves []int, freq []int32) (row []int64, isLeaf []bool) {
	row, isLeaf = make([]int64, 0, 2*len(leaves)), make([]bool, 0, 2*len(leaves))
	for i, j := 0, 0; i < len(leaves) || j+1 < len(below); {
		if j+1 >= len(below) || i < len(leaves) && int64(freq[leaves[i]]) < below[j]+below[j+1] {
			row, isLeaf = append(row, int64(freq[leaves[i]])), append(isLeaf, true)
			i++
		} else {
			row, isLeaf = append(row, below[j]+below[j+1]), append(isLeaf, false)
			j += 2
		}
	}
	return row, isLeaf
}

// opsOf writes lengths as zlib does, each run as few repeats; joined as Go does,
// where a run may go on from the literals to the distances.
func (h *header) opsOf(joined bool) []op {
	if joined {
		return runs(nil, h.lengths[:h.nlit+h.ndist])
	}
	return runs(runs(nil, h.lit()), h.dist())
}

func runs(ops []op, lengths []uint8) []op {
	for i := 0; i < len(lengths); {
		v, n := lengths[i], 1
		for i+n < len(lengths) && lengths[i+n] == v {
			n++
		}
		i += n
		if v != 0 {
			ops = append(ops, op{sym: v})
			n--
		}
		for v != 0 && n >= 3 {
			k := min(n, 6)
			ops = append(ops, op{16, uint8(k - 3)})
			n -= k
		}
		for v == 0 && n >= 11 {
			k := min(n, 138)
			ops = append(ops, op{18, uint8(k - 11)})
			n -= k
		}
		if v == 0 && n >= 3 {
			ops = append(ops, op{17, uint8(n - 3)})
			n = 0
		}
		for ; n > 0; n-- {
			ops = append(ops, op{sym: v})
		}
	}
	return ops
}
