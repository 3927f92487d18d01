package delta

import "sort"

// node is a stream that is unfolded, or the file that is the root of a tree. Places
// are counted in the content of the parent, which is what its stream holds with all
// streams in it still folded.
type node struct {
	kind     kind
	off, len int64 // where the stream lies in the parent's content
	gap      int64 // off less the end of the stream before it
	size     int64 // of the stream's own content
	parent   *node
	children []*node // in order, without overlap
	depth    int     // 0 for the root

	// old is, in a new file's tree, the stream of the old file that this one was
	// made from, nil where there is none.
	old *node
	// scripted, in an old file's tree, says that a new stream wants the decisions.
	scripted bool

	// Where content and script lie in the spools of the depth, as unfold sets them.
	contentAt, scriptAt, scriptLen int64

	// What lay sets: where in the flat content this node's is.
	flat, flatLen int64
}

// replays reports that n's decisions are told with the help of those of n.old.
func (n *node) replays() bool {
	family := codecs[n.kind].family
	return n.old != nil && family != "" && codecs[n.old.kind].family == family
}

// walk calls fn on the nodes below n, parents first.
func (n *node) walk(fn func(*node)) {
	for _, c := range n.children {
		fn(c)
		c.walk(fn)
	}
}

// within reports that n is m or lies in it.
func (n *node) within(m *node) bool {
	for ; n != nil; n = n.parent {
		if n == m {
			return true
		}
	}
	return false
}

// end is where the stream ends in its parent's content.
func (n *node) end() int64 { return n.off + n.len }

// lay gives n and what is below it their places in the flat content.
func (n *node) lay(at int64) {
	n.flat, n.flatLen = at, n.size
	for _, c := range n.children {
		c.lay(at + c.off + n.flatLen - n.size)
		n.flatLen += c.flatLen - c.len
	}
}

// raws calls fn on each run of n's content that is in no stream: where it is in the
// content, where in the flat content, and its length.
func (n *node) raws(fn func(at, flat, length int64)) {
	at, flat := int64(0), n.flat
	for _, c := range n.children {
		if c.off > at {
			fn(at, flat, c.off-at)
		}
		at, flat = c.end(), c.flat+c.flatLen
	}
	if at < n.size {
		fn(at, flat, n.size-at)
	}
}

// flatAt is where the byte at off of n's content, in no stream, is in the flat one.
func (n *node) flatAt(off int64) int64 {
	behind := sort.Search(len(n.children), func(i int) bool { return n.children[i].end() > off })
	if behind == 0 {
		return n.flat + off
	}
	c := n.children[behind-1]
	return c.flat + c.flatLen + off - c.end()
}
