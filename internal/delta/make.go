package delta

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"mirrord/internal/patch"
)

// Make writes to w a delta that makes target from base. It has been applied, and has
// made target, before the first byte is written. ErrNotWorth: w has got nothing, for
// the delta would be larger than o allows.
func Make(ctx context.Context, w io.Writer, base, target patch.Content, o Options) (Info, error) {
	s := newScratch(ctx, o.Dir)
	defer s.close()
	m := maker{scratch: s, o: o.withDefaults(), base: watched{base, s}, target: watched{target, s}}
	var info Info
	err := guarded(func() (err error) { info, err = m.make(watchedWriter{w, s}); return err })
	return info, cmp.Or(s.failed(), err)
}

type maker struct {
	scratch      *scratch
	o            Options
	base, target patch.Content
	header       header
	comparer     *comparer
	matches      []patch.Match
}

func (m *maker) make(w io.Writer) (info Info, err error) {
	if size := m.target.Size(); size > m.o.MaxTarget {
		return info, fmt.Errorf("%w: the target has %d bytes, allowed are %d", ErrLimit, size, m.o.MaxTarget)
	}
	if m.header.base, err = sideOf(m.base); err != nil {
		return info, err
	}
	if m.header.target, err = sideOf(m.target); err != nil {
		return info, err
	}
	c := &comparer{
		scratch: m.scratch, old: newUnfolding(m.scratch, m.base), new: newUnfolding(m.scratch, m.target),
		oldLeft: m.o.MaxUnfolded, newLeft: m.o.MaxUnfolded,
	}
	m.comparer, m.header.oldTree, m.header.newTree = c, c.old.root, c.new.root
	if err := c.compare(all(c.old.root), all(c.new.root)); err != nil {
		return info, err
	}
	delta, err := m.good()
	if err != nil {
		return info, err
	}
	if _, err := io.Copy(w, whole(delta)); err != nil {
		return info, err
	}
	return Inspect(whole(delta), m.o)
}

// good is a delta that was tried.
func (m *maker) good() (*spool, error) {
	for {
		delta, err := m.write()
		if err != nil {
			return nil, err
		}
		if most := cmp.Or(m.o.MaxDelta, m.header.target.Size-1); delta.size > most {
			return nil, fmt.Errorf("%w: %d bytes, for a target of %d", ErrNotWorth, delta.size, m.header.target.Size)
		}
		err = Apply(m.scratch.ctx, io.Discard, m.base, whole(delta), m.o)
		if !errors.Is(err, ErrCorrupt) {
			return delta, err
		}
		wrong, err2 := m.unfoldLess()
		if err2 != nil {
			return nil, err2
		}
		if wrong == 0 {
			return nil, fmt.Errorf("what was made does not apply: %w", err)
		}
	}
}

// write writes a delta for the trees as they are.
func (m *maker) write() (*spool, error) {
	oldFlat, newFlat := m.comparer.old.flat(), m.comparer.new.flat()
	patched, err := m.scratch.spool()
	if err != nil {
		return nil, err
	}
	err = buffered(patched, func(w io.Writer) (err error) {
		m.matches, err = patch.Make(w, oldFlat, newFlat, m.comparer.pairs())
		return err
	})
	if err != nil {
		return nil, err
	}
	delta, err := m.scratch.spool()
	if err != nil {
		return nil, err
	}
	head, err := m.header.bytes()
	if err != nil {
		return nil, err
	}
	if _, err := delta.Write(head); err != nil {
		return nil, err
	}
	if err := writePart(delta, patched); err != nil {
		return nil, err
	}
	patched.cut(0)
	return delta, m.packAll(delta, patched, m.header.newTree)
}

// packAll writes the decisions of the streams that n holds, each behind those that it
// holds itself. They are packed into room.
func (m *maker) packAll(delta, room *spool, n *node) error {
	for _, c := range n.children {
		if err := m.packAll(delta, room, c); err != nil {
			return err
		}
		room.cut(0)
		if err := m.pack(room, c); err != nil {
			return err
		}
		if err := writePart(delta, room); err != nil {
			return err
		}
	}
	return nil
}

func (m *maker) pack(room *spool, n *node) error {
	return buffered(room, func(w io.Writer) error { return codecs[n.kind].pack(w, m.stream(n)) })
}

// stream is what is known of the new file's stream n.
func (m *maker) stream(n *node) stream {
	s := m.comparer.old.partner(n, m.matches)
	s.content, s.script = m.comparer.new.content(n), m.comparer.new.script(n)
	return s
}

// unfoldLess leaves the streams folded that do not come out as they were, which an
// encoder that was not understood leads to, and says how many they are.
func (m *maker) unfoldLess() (int, error) {
	room, err := m.scratch.spool()
	if err != nil {
		return 0, err
	}
	var wrong []*node
	m.header.newTree.walk(func(n *node) {
		if err != nil {
			return
		}
		room.cut(0)
		err = m.pack(room, n)
		if err == nil && !m.comparer.new.foldsTo(n, whole(room), m.stream(n)) {
			wrong = append(wrong, n)
		}
	})
	for _, n := range wrong {
		m.comparer.fold(n)
	}
	return len(wrong), cmp.Or(m.scratch.failed(), err)
}

// buffered has fn write to the end of f.
func buffered(f *spool, fn func(io.Writer) error) error {
	w := bufio.NewWriterSize(f, 64<<10)
	if err := fn(w); err != nil {
		return err
	}
	return w.Flush()
}

// writePart is what nextPart reads.
func writePart(delta, part *spool) error {
	if _, err := delta.Write(binary.AppendUvarint(nil, uint64(part.size))); err != nil {
		return err
	}
	_, err := io.Copy(delta, whole(part))
	return err
}
