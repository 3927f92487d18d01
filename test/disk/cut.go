package disk

import "math/rand/v2"

// History is the Log of one run, on a disk that had base on it.
type History struct {
	base *Tree
	ops  []Op
	safe []int // by operation: the one that made it durable, len(ops) where none did
}

// NewHistory makes one.
func NewHistory(base *Tree, log []Op) *History {
	h := &History{base: base, ops: log, safe: make([]int, len(log))}
	h.settle()
	return h
}

// Ops are the operations, in order.
func (h *History) Ops() []Op { return h.ops }

// settle works out which sync covers what, and takes no file system's word for more
// than POSIX has: a file's sync covers its bytes and not its names, a directory's
// the names in it. That a rename is one step is all that is granted.
func (h *History) settle() {
	bytes, modes, names := map[ID][]int{}, map[ID][]int{}, map[ID][]int{}
	cover := func(in map[ID][]int, id ID, by int) {
		for _, i := range in[id] {
			h.safe[i] = min(h.safe[i], by)
		}
		delete(in, id)
	}
	for i, o := range h.ops {
		h.safe[i] = len(h.ops)
		switch o.Kind {
		case Create, Remove:
			names[o.Dir] = append(names[o.Dir], i)
		case Link:
			names[o.ToDir] = append(names[o.ToDir], i)
		case Rename:
			names[o.Dir] = append(names[o.Dir], i)
			names[o.ToDir] = append(names[o.ToDir], i)
		case Write, Truncate:
			bytes[o.Node] = append(bytes[o.Node], i)
		case Chmod:
			modes[o.Node] = append(modes[o.Node], i)
		case Sync:
			cover(bytes, o.Node, i)
			if !o.DataOnly {
				cover(modes, o.Node, i)
			}
		case SyncDir:
			cover(names, o.Node, i)
		}
	}
}

// Fate says what is left of an operation that no sync covers, whose place in the
// history is at: itself, nothing, or a part.
type Fate func(at int, o Op) []Op

// Loose are the places of those of the first n operations that no sync covers.
func (h *History) Loose(n int) (list []int) {
	for i, o := range h.ops[:n] {
		if h.loose(i, n) && o.Kind < Sync {
			list = append(list, i)
		}
	}
	return list
}

// loose reports whether no sync among the first n operations covers that at i.
func (h *History) loose(i, n int) bool { return h.safe[i] >= n }

// Cut is the disk after the power went when n operations were done.
func (h *History) Cut(n int, fate Fate) *Tree {
	t := h.base.Clone()
	for i, o := range h.ops[:n] {
		left := []Op{o}
		if h.loose(i, n) {
			left = fate(i, o)
		}
		for _, o := range left {
			t.apply(o)
		}
	}
	return t
}

// Keep loses nothing: the disk after a kill.
func Keep(_ int, o Op) []Op { return []Op{o} }

// Lose loses all that no sync covers.
func Lose(int, Op) []Op { return nil }

// KeepNames loses bytes only, as file systems do that write names first.
func KeepNames(_ int, o Op) []Op {
	if o.names() {
		return []Op{o}
	}
	return nil
}

// KeepBytes loses names only.
func KeepBytes(_ int, o Op) []Op {
	if o.names() {
		return nil
	}
	return []Op{o}
}

// Tear keeps and loses at random, and of some writes keeps a beginning or some
// sectors.
func Tear(rnd *rand.Rand) Fate {
	odds := rnd.Float64()
	return func(_ int, o Op) []Op {
		switch {
		case o.Kind == Write && len(o.Data) > 0 && rnd.IntN(2) == 0:
			return tear(o, rnd)
		case rnd.Float64() < odds:
			return []Op{o}
		}
		return nil
	}
}

// Sectors of disks, the older and the newer.
var sectors = []int{512, 4096}

func tear(o Op, rnd *rand.Rand) (left []Op) {
	sector := int64(sectors[rnd.IntN(len(sectors))])
	some := rnd.IntN(2) == 0
	end := o.Off + rnd.Int64N(int64(len(o.Data))+1)
	for at, last := o.Off, o.Off+int64(len(o.Data)); at < last; {
		next := min((at/sector+1)*sector, last)
		if some && rnd.IntN(2) == 0 || !some && next <= end {
			piece := o
			piece.Off, piece.Data = at, o.Data[at-o.Off:next-o.Off]
			left = append(left, piece)
		}
		at = next
	}
	return left
}
