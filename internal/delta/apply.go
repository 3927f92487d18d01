package delta

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"

	"mirrord/internal/digest"
	"mirrord/internal/patch"
)

// Apply writes the target of the delta, made from base, to w, in order and as it is
// rebuilt. Only where it returns nil was it the target: what was written before an
// error is to be thrown away. The delta is read once, to its end, which is that of
// the reader. Errors: ErrVersion, ErrBase, ErrCorrupt, ErrLimit; those of ctx, and of
// reading and writing, as they are.
func Apply(ctx context.Context, w io.Writer, base patch.Content, delta io.Reader, o Options) error {
	s := newScratch(ctx, o.Dir)
	defer s.close()
	a := applier{scratch: s, delta: bufio.NewReaderSize(watchedReader{delta, s}, 64<<10)}
	err := guarded(func() error { return a.apply(w, watched{base, s}, o.withDefaults()) })
	return cmp.Or(s.failed(), senseless(err))
}

// guarded runs fn, which reads bytes that others made: where it panics, a hub or an edge
// loses this delta and no more.
func guarded(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("a delta could not be read", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", ErrCorrupt, p)
		}
	}()
	return fn()
}

// senseless words an error of the formats in a delta, which is none of reading or
// writing, unless it is typed already.
func senseless(err error) error {
	if err == nil {
		return nil
	}
	for _, typed := range []error{ErrVersion, ErrBase, ErrCorrupt, ErrLimit} {
		if errors.Is(err, typed) {
			return err
		}
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: %v", ErrCorrupt, err)
}

type applier struct {
	scratch *scratch
	delta   *bufio.Reader
	old     *unfolding
	flat    *spool // the new file's
	matches []patch.Match
	folded  []*spool // by depth less 1: streams that are rebuilt for the one around them
}

func (a *applier) apply(w io.Writer, base patch.Content, o Options) error {
	h, err := readHeader(a.delta, o)
	if err != nil {
		return err
	}
	if err := isBase(base, h.base); err != nil {
		return err
	}
	a.old = newUnfolding(a.scratch, base)
	if err := a.unfold(h.oldTree); err != nil {
		return err
	}
	if err := a.patch(h.newTree); err != nil {
		return err
	}
	sum := sha256.New()
	out := &limited{io.MultiWriter(watchedWriter{w, a.scratch}, sum), h.target.Size, errTooLong}
	if err := a.foldFile(out, h.newTree); err != nil {
		return err
	}
	if _, err := a.delta.ReadByte(); err == nil {
		return fmt.Errorf("%w: it goes on behind its end", ErrCorrupt)
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	if got := digest.FromSum(digest.SHA256, sum.Sum(nil)); got != h.target.Digest {
		return fmt.Errorf("%w: what it makes is %s, not %s", ErrCorrupt, got, h.target.Digest)
	}
	return nil
}

// isBase returns ErrBase where base is not the file that is told.
func isBase(base patch.Content, told Side) error {
	if base.Size() != told.Size {
		return fmt.Errorf("%w: it has %d bytes, not %d", ErrBase, base.Size(), told.Size)
	}
	got, err := sideOf(base)
	if err == nil && got != told {
		err = fmt.Errorf("%w: it is %s, not %s", ErrBase, got.Digest, told.Digest)
	}
	return err
}

// unfold unfolds the old file, exactly as its tree tells.
func (a *applier) unfold(tree *node) (err error) {
	a.old.root = tree
	tree.walk(func(n *node) {
		if err != nil {
			return
		}
		length, size := n.len, n.size
		if err = a.old.unfold(n); err == nil && (n.len != length || n.size != size) {
			err = fmt.Errorf("%w: a stream of %d bytes holds %d, not %d and %d", ErrCorrupt, n.len, n.size, length, size)
		}
	})
	return err
}

// patch makes the new flat content.
func (a *applier) patch(tree *node) error {
	tree.lay(0)
	flat, err := a.scratch.spool()
	if err != nil {
		return err
	}
	a.flat = flat
	part, err := nextPart(a.delta)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(&limited{flat, tree.flatLen, errTooLong}, 64<<10)
	if a.matches, err = patch.Apply(out, a.old.flat(), part, tree.flatLen); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if flat.size != tree.flatLen {
		return fmt.Errorf("%w: the patch makes %d bytes, not %d", ErrCorrupt, flat.size, tree.flatLen)
	}
	return drain(part)
}

// foldFile writes the new file.
func (a *applier) foldFile(w io.Writer, root *node) error {
	at := int64(0)
	for _, c := range root.children {
		if err := a.copy(w, root, at, c.off); err != nil {
			return err
		}
		if err := a.fold(w, c); err != nil {
			return err
		}
		at = c.end()
	}
	return a.copy(w, root, at, root.size)
}

// copy writes what lies from from to to of n's content, in no stream.
func (a *applier) copy(w io.Writer, n *node, from, to int64) error {
	if from == to {
		return nil
	}
	got, err := io.Copy(w, io.NewSectionReader(a.flat, n.flatAt(from), to-from))
	if err == nil && got < to-from {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// fold writes the stream n, having folded those that it holds.
func (a *applier) fold(w io.Writer, n *node) error {
	content := new(view)
	at := int64(0)
	if len(n.children) > 0 {
		folded, err := a.foldedAt(n.depth)
		if err != nil {
			return err
		}
		defer folded.cut(folded.size)
		for _, c := range n.children {
			start := folded.size
			if err := a.fold(folded, c); err != nil {
				return err
			}
			content.add(a.flat, n.flatAt(at), c.off-at)
			content.add(folded, start, c.len)
			at = c.end()
		}
	}
	content.add(a.flat, n.flatAt(at), n.size-at)
	packed, err := nextPart(a.delta)
	if err != nil {
		return err
	}
	s := a.old.partner(n, a.matches)
	s.content = content
	exact := &limited{w, n.len, errTooLong}
	out := bufio.NewWriterSize(exact, 64<<10)
	if err := codecs[n.kind].rebuild(out, packed, s); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if exact.left != 0 {
		return fmt.Errorf("%w: a stream that is %d bytes short", ErrCorrupt, exact.left)
	}
	return drain(packed)
}

// foldedAt is where the streams go that one at the given depth holds.
func (a *applier) foldedAt(depth int) (*spool, error) {
	for len(a.folded) < depth {
		s, err := a.scratch.spool()
		if err != nil {
			return nil, err
		}
		a.folded = append(a.folded, s)
	}
	return a.folded[depth-1], nil
}
