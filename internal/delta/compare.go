package delta

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"mirrord/internal/archive"
	"mirrord/internal/patch"
)

// smallest is the length of the shortest stream in an archive that is unfolded.
const smallest = 128

// place is a run of what a node holds.
type place struct {
	n        *node
	off, len int64
	deflated bool // an archive says that it is a deflate stream
}

func all(n *node) place { return place{n: n, len: n.size} }

// likeness is two places, in no unfolded stream, that are likely alike.
type likeness struct{ old, new place }

// comparer goes through two files side by side and unfolds what differs: streams that
// are alike to the byte stay as they are, for the patch copies them and the encoders'
// decisions around them then know them.
type comparer struct {
	scratch  *scratch
	old, new *unfolding
	oldLeft  int64 // bytes that streams may yet hold
	newLeft  int64
	nodes    int
	alike    []likeness
}

// compare unfolds the two places, which lie in different files, as far as they differ.
func (c *comparer) compare(o, n place) error {
	same, err := equal(c.old.section(o), c.new.section(n))
	if err != nil {
		return err
	}
	if same {
		c.likely(o, n)
		return nil
	}
	olds, news, err := c.streams(o, n)
	switch {
	case err != nil:
		return err
	case len(news) > 0 && len(olds) > 0:
		return c.compareStreams(olds, news)
	case len(news) > 0:
		return c.compare(o, all(news[0]))
	case len(olds) > 0:
		return c.compare(all(olds[0]), n)
	}
	return c.compareMembers(o, n)
}

func (c *comparer) likely(o, n place) { c.alike = append(c.alike, likeness{o, n}) }

// compareStreams pairs streams that follow each other in the order in which they are.
func (c *comparer) compareStreams(olds, news []*node) error {
	for i, n := range news[:min(len(olds), len(news))] {
		n.old = olds[i]
		if err := c.compare(all(olds[i]), all(n)); err != nil {
			return err
		}
	}
	return nil
}

// compareMembers pairs the members of two archives.
func (c *comparer) compareMembers(o, n place) error {
	news := archive.List(c.new.section(n))
	if len(news) == 0 {
		c.likely(o, n)
		return nil
	}
	olds := archive.List(c.old.section(o))
	for i, from := range partners(olds, news) {
		if from < 0 {
			continue
		}
		before := len(c.alike)
		oldHead, oldBody := o.member(olds[from])
		newHead, newBody := n.member(news[i])
		if err := c.compare(oldBody, newBody); err != nil {
			return err
		}
		if len(c.alike) == before+1 && c.alike[before] == (likeness{oldBody, newBody}) {
			c.alike[before] = likeness{oldHead.with(oldBody), newHead.with(newBody)}
		} else {
			c.likely(oldHead, newHead)
		}
	}
	return nil
}

// member is where a member of the archive at p has its header, and where its bytes.
func (p place) member(m archive.Member) (head, body place) {
	head = place{n: p.n, off: p.off + m.Head, len: m.Off - m.Head}
	return head, place{n: p.n, off: p.off + m.Off, len: m.Len, deflated: m.Deflated}
}

// with is p and q, which follows it, as one place.
func (p place) with(q place) place { return place{n: p.n, off: p.off, len: p.len + q.len} }

// section is what is at p.
func (u *unfolding) section(p place) *io.SectionReader {
	return io.NewSectionReader(u.content(p.n), p.off, p.len)
}

// pairs are the likenesses for the patch. Both trees are laid.
func (c *comparer) pairs() (pairs []patch.Pair) {
	for _, l := range c.alike {
		if l.new.len > 0 && l.old.len > 0 {
			pairs = append(pairs, patch.Pair{
				Old: l.old.n.flatAt(l.old.off), OldLen: l.old.len,
				New: l.new.n.flatAt(l.new.off), NewLen: l.new.len,
			})
		}
	}
	slices.SortFunc(pairs, func(a, b patch.Pair) int { return int(min(1, max(-1, a.New-b.New))) })
	return pairs
}

// equal reports that a and b have the same bytes.
func equal(a, b *io.SectionReader) (bool, error) {
	if a.Size() != b.Size() {
		return false, nil
	}
	x, y := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(a, x)
		m, err2 := io.ReadFull(b, y)
		if !bytes.Equal(x[:n], y[:m]) {
			return false, nil
		}
		for _, err := range []error{err, err2} {
			if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				return false, err
			}
		}
		if err != nil {
			return true, nil
		}
	}
}
