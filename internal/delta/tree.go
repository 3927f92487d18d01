package delta

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
)

// Bounds of a delta's two trees.
const (
	maxNodes = 1 << 16 // in both together
	maxDepth = 8       // streams within streams
	maxTrees = 4 << 20 // bytes, compressed and not
)

// writeTrees writes both files' trees, parents before their children. The old one's is
// numbered from 0 on in that order.
//
//	tree  = children node...            of the root
//	node  = kind gap length size children node...
//	gap   = from the end of the stream before it, or from the parent's content's start
//
// all of them unsigned varints, and the whole a deflate stream. In the new tree, a node begins with 0 where it has no
// old stream, else with 1 and the zigzag varint of that stream's number less the one
// that was expected, which is the one after the last; and gap, length and size
// are zigzag varints of what is to be added to the old stream's.
func writeTrees(old, new *node) []byte {
	w := treeWriter{numbers: map[*node]int64{}}
	w.children(old)
	w.inNew = true
	w.children(new)
	var b bytes.Buffer
	encoder, _ := flate.NewWriter(&b, flate.BestCompression) // the level is right
	encoder.Write(w.out)                                     // a Buffer takes all
	encoder.Close()
	return b.Bytes()
}

type treeWriter struct {
	out      []byte
	numbers  map[*node]int64 // of the old tree's nodes
	expected int64
	inNew    bool
}

func (w *treeWriter) children(n *node) {
	w.out = binary.AppendUvarint(w.out, uint64(len(n.children)))
	before := int64(0)
	for _, c := range n.children {
		w.node(c, c.off-before)
		w.children(c)
		before = c.end()
	}
}

func (w *treeWriter) node(n *node, gap int64) {
	if !w.inNew {
		w.numbers[n] = int64(len(w.numbers))
	}
	n.gap = gap
	fields := []int64{gap, n.len, n.size}
	switch {
	case w.inNew && n.old != nil:
		number := w.numbers[n.old]
		w.out = binary.AppendVarint(append(w.out, 1), number-w.expected)
		w.expected = number + 1
		w.out = append(w.out, byte(n.kind))
		for i, o := range []int64{n.old.gap, n.old.len, n.old.size} {
			w.out = binary.AppendVarint(w.out, fields[i]-o)
		}
		return
	case w.inNew:
		w.out = append(w.out, 0)
	}
	w.out = append(w.out, byte(n.kind))
	for _, f := range fields {
		w.out = binary.AppendUvarint(w.out, uint64(f))
	}
}

// readTrees reads what writeTrees wrote, of files of the given sizes. The contents of
// all streams of a tree are together no larger than most.
func readTrees(b []byte, oldSize, newSize, most int64) (old, new *node, err error) {
	plain, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b)), maxTrees+1))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: tree: %v", ErrCorrupt, err)
	}
	if len(plain) > maxTrees {
		return nil, nil, fmt.Errorf("%w: trees of more than %d bytes", ErrLimit, maxTrees)
	}
	old, new = &node{size: oldSize}, &node{size: newSize}
	r := treeReader{in: bytes.NewReader(plain), left: most, most: most}
	if err := r.children(old); err != nil {
		return nil, nil, err
	}
	r.inNew, r.left = true, most
	if err := r.children(new); err != nil {
		return nil, nil, err
	}
	if r.in.Len() > 0 {
		return nil, nil, fmt.Errorf("%w: tree: %d bytes too many", ErrCorrupt, r.in.Len())
	}
	return old, new, nil
}

type treeReader struct {
	in         *bytes.Reader
	olds       []*node
	nodes      int
	expected   int64
	inNew      bool
	left, most int64
}

func (r *treeReader) children(n *node) error {
	count, err := binary.ReadUvarint(r.in)
	if err != nil {
		return err
	}
	if count > maxNodes || r.nodes+int(count) > maxNodes {
		return fmt.Errorf("%w: more than %d streams", ErrLimit, maxNodes)
	}
	if count > 0 && n.depth == maxDepth {
		return fmt.Errorf("%w: streams within streams more than %d deep", ErrLimit, maxDepth)
	}
	r.nodes += int(count)
	before := int64(0)
	for range count {
		c := &node{parent: n, depth: n.depth + 1}
		if err := r.node(c); err != nil {
			return err
		}
		c.off = before + c.gap
		before = c.end()
		if before > n.size {
			return fmt.Errorf("%w: tree: a stream that ends at %d in a content of %d bytes", ErrCorrupt, before, n.size)
		}
		n.children = append(n.children, c)
		if err := r.children(c); err != nil {
			return err
		}
	}
	return nil
}

func (r *treeReader) node(n *node) (err error) {
	if r.inNew {
		if n.old, err = r.reference(); err != nil {
			return err
		}
	}
	b, err := r.in.ReadByte()
	if err != nil {
		return err
	}
	if n.kind = kind(b); codecs[n.kind].decompose == nil {
		return fmt.Errorf("%w: tree: a stream of the unknown kind %d", ErrVersion, b)
	}
	var known node
	if n.old != nil {
		known = *n.old
	}
	if r.inNew && codecs[n.kind].rebuild == nil {
		return fmt.Errorf("%w: tree: a stream of the kind %d in the new file", ErrCorrupt, b)
	}
	for _, f := range []struct {
		to    *int64
		known int64
	}{{&n.gap, known.gap}, {&n.len, known.len}, {&n.size, known.size}} {
		if *f.to, err = r.field(n.old != nil, f.known); err != nil {
			return err
		}
	}
	if r.left -= n.size; r.left < 0 {
		return fmt.Errorf("%w: its streams hold more than %d bytes", ErrLimit, r.most)
	}
	if !r.inNew {
		r.olds = append(r.olds, n)
	} else if n.replays() {
		n.old.scripted = true
	}
	return nil
}

// reference reads which old stream a new one was made from.
func (r *treeReader) reference() (*node, error) {
	b, err := r.in.ReadByte()
	if err != nil || b == 0 {
		return nil, err
	}
	step, err := binary.ReadVarint(r.in)
	if err != nil {
		return nil, err
	}
	number := r.expected + step
	if b != 1 || number < 0 || number >= int64(len(r.olds)) {
		return nil, fmt.Errorf("%w: tree: old stream %d of %d", ErrCorrupt, number, len(r.olds))
	}
	r.expected = number + 1
	return r.olds[number], nil
}

// field reads a size, as a difference to what is known where there is such.
func (r *treeReader) field(difference bool, known int64) (int64, error) {
	if !difference {
		return readSize(r.in)
	}
	d, err := binary.ReadVarint(r.in)
	if err != nil {
		return 0, err
	}
	if n := known + d; d >= -mostSize && d <= mostSize && n >= 0 && n <= mostSize {
		return n, nil
	}
	return 0, fmt.Errorf("%w: tree: a size of %d and %d bytes", ErrCorrupt, known, d)
}
