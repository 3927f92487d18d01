package delta

import (
	"bufio"
	"errors"
	"io"
	"slices"
)

// triedFrom is the length of the shortest stream for which encoders are tried where
// its decisions could be told as well. What they cost of a shorter one is little, and
// so many streams are short that trying takes long.
const triedFrom = 32 << 10

// streams unfolds the streams that follow each other from the start of each place; they
// become children of the nodes that hold them. There are no old ones where the new
// file has something there that looks like a stream and cannot be folded again.
func (c *comparer) streams(o, n place) (olds, news []*node, err error) {
	for rest := n; ; {
		next, err := c.unfoldNew(&rest)
		if err != nil {
			return nil, nil, err
		}
		if next == nil {
			break
		}
		news = append(news, next)
	}
	if l := c.new.sniff(n); l.format != nil && len(news) == 0 {
		return nil, nil, nil
	}
	for rest := o; ; {
		like := kind(0)
		if len(olds) < len(news) {
			like = news[len(olds)].kind
		}
		next, err := c.unfoldOld(&rest, like)
		if err != nil || next == nil {
			return olds, news, err
		}
		olds = append(olds, next)
	}
}

// sniff tells what the place looks like.
func (u *unfolding) sniff(p place) look {
	if p.deflated {
		return look{format: &deflateFormat}
	}
	return sniff(u.section(p))
}

// unfoldNew unfolds the stream at the start of p so that it can be folded again, and
// sets p to what lies behind it. It is nil where there is none.
func (c *comparer) unfoldNew(p *place) (*node, error) {
	l := c.new.sniff(*p)
	n := p.stream(l)
	if !c.opens(n, l) {
		return nil, nil
	}
	if len(l.encoders) > 0 && (n.len >= triedFrom || l.format.replayed == 0) {
		n.kind, n.size = l.format.unpacked, c.newLeft
		if ok, err := c.unfold(c.new, n); err != nil {
			return nil, err
		} else if ok {
			for _, k := range l.encoders {
				if n.kind = k; c.new.foldsTo(n, nil, stream{content: c.new.content(n)}) {
					return c.attach(n, p, &c.newLeft), nil
				}
			}
			c.new.drop(n)
			n = p.stream(l)
		}
	}
	if l.format.replayed == 0 {
		return nil, c.scratch.failed()
	}
	n.kind, n.scripted, n.size = l.format.replayed, true, c.newLeft
	if ok, err := c.unfold(c.new, n); err != nil || !ok {
		return nil, err
	}
	return c.attach(n, p, &c.newLeft), nil
}

// unfoldOld is unfoldNew for the old file: no need to fold again, but like has the
// decisions wanted where they tell something about those of a stream of that kind.
func (c *comparer) unfoldOld(p *place, like kind) (*node, error) {
	l := c.old.sniff(*p)
	n := p.stream(l)
	if !c.opens(n, l) {
		return nil, nil
	}
	n.kind, n.size = l.format.unpacked, c.oldLeft
	if k := l.format.replayed; k != 0 && codecs[k].family == codecs[like].family {
		n.kind, n.scripted = k, true
	}
	if ok, err := c.unfold(c.old, n); err != nil || !ok {
		return nil, err
	}
	return c.attach(n, p, &c.oldLeft), nil
}

// stream is a node for the stream that l sees at p, of a length yet unknown.
func (p place) stream(l look) *node {
	return &node{parent: p.n, depth: p.n.depth + 1, off: p.off + l.skip, len: p.len - l.skip}
}

// opens reports whether a stream is to be unfolded at all.
func (c *comparer) opens(n *node, l look) bool {
	return l.format != nil && n.depth <= maxDepth && c.nodes < maxNodes && (n.depth == 1 || n.len >= smallest)
}

// unfold unfolds n, which is no error where what is there cannot be unfolded.
func (c *comparer) unfold(u *unfolding, n *node) (bool, error) {
	err := u.unfold(n)
	if err == nil {
		return true, nil
	}
	return false, c.scratch.failed()
}

// attach makes n a child, moves p behind it, and takes what it holds from left.
func (c *comparer) attach(n *node, p *place, left *int64) *node {
	n.parent.children = append(n.parent.children, n)
	c.nodes++
	*left -= n.size
	p.len -= n.end() - p.off
	p.off = n.end()
	p.deflated = false
	return n
}

// drop takes back what unfold did last.
func (u *unfolding) drop(n *node) {
	u.contents[n.depth-1].cut(n.contentAt)
	u.scripts[n.depth-1].cut(n.scriptAt)
}

// fold takes n and what it holds out of the new file's tree.
func (c *comparer) fold(n *node) {
	n.parent.children = slices.DeleteFunc(n.parent.children, func(m *node) bool { return m == n })
	c.alike = slices.DeleteFunc(c.alike, func(l likeness) bool { return l.new.n.within(n) })
}

// foldsTo reports that n is folded to the bytes that it was unfolded from.
func (u *unfolding) foldsTo(n *node, packed io.Reader, s stream) bool {
	want := same{bufio.NewReaderSize(u.section(place{n: n.parent, off: n.off, len: n.len}), 64<<10)}
	w := bufio.NewWriterSize(want, 64<<10)
	err := codecs[n.kind].rebuild(w, packed, s)
	if err == nil {
		err = w.Flush()
	}
	_, more := want.want.Peek(1)
	return err == nil && more != nil
}

var errDiffers = errors.New("it is not folded to the same bytes")
