package delta

import (
	"bufio"
	"errors"
	"io"

	"mirrord/internal/patch"
)

// unfolding is a file with what its streams hold.
type unfolding struct {
	scratch *scratch
	root    *node
	file    patch.Content
	// By depth less 1: what the streams there hold, one after the other, and the
	// decisions of those that are wanted.
	contents, scripts []*spool
	in                *bufio.Reader
	out, decided      *bufio.Writer
}

func newUnfolding(s *scratch, file patch.Content) *unfolding {
	return &unfolding{
		scratch: s, root: &node{size: file.Size()}, file: file,
		in:  bufio.NewReaderSize(nil, 64<<10),
		out: bufio.NewWriterSize(nil, 64<<10), decided: bufio.NewWriterSize(nil, 64<<10),
	}
}

// content is what n holds, its streams folded.
func (u *unfolding) content(n *node) *io.SectionReader {
	if n.depth == 0 {
		return io.NewSectionReader(u.file, 0, n.size)
	}
	return io.NewSectionReader(u.contents[n.depth-1], n.contentAt, n.size)
}

// script is how n's encoder decided.
func (u *unfolding) script(n *node) *io.SectionReader {
	return io.NewSectionReader(u.scripts[n.depth-1], n.scriptAt, n.scriptLen)
}

// scriptMost bounds the decisions on size bytes of content in a stream of length
// bytes, against streams that decide much on nothing.
func scriptMost(size, length int64) int64 { return 16*(size+length) + 1<<16 }

// unfold reads the stream n, which is not longer than n.len says, holds no more than
// n.size bytes, and may turn out to be shorter and to hold less: then len and size are
// set. Reading on behind it is not its end's fault. Where it fails nothing is kept.
func (u *unfolding) unfold(n *node) (err error) {
	for len(u.contents) < n.depth {
		content, err := u.scratch.spool()
		if err != nil {
			return err
		}
		script, err := u.scratch.spool()
		if err != nil {
			return err
		}
		u.contents, u.scripts = append(u.contents, content), append(u.scripts, script)
	}
	content, script := u.contents[n.depth-1], u.scripts[n.depth-1]
	n.contentAt, n.scriptAt = content.size, script.size
	defer func() {
		if err != nil {
			content.cut(n.contentAt)
			script.cut(n.scriptAt)
		}
	}()
	stream := io.NewSectionReader(u.content(n.parent), n.off, n.len)
	u.in.Reset(stream)
	u.out.Reset(&limited{content, n.size, errTooLong})
	u.decided.Reset(io.Discard)
	if n.scripted {
		u.decided.Reset(&limited{script, scriptMost(n.size, n.len), errTooLong})
	}
	if err := codecs[n.kind].decompose(u.in, u.out, u.decided); err != nil {
		return err
	}
	if err := errors.Join(u.out.Flush(), u.decided.Flush()); err != nil {
		return err
	}
	read, _ := stream.Seek(0, io.SeekCurrent)
	n.len = read - int64(u.in.Buffered())
	n.size, n.scriptLen = content.size-n.contentAt, script.size-n.scriptAt
	return nil
}

// partner is what u, the old file's, has for the stream n of the new one.
func (u *unfolding) partner(n *node, matches []patch.Match) (s stream) {
	if n.replays() {
		s.oldContent, s.oldScript = u.content(n.old), u.script(n.old)
		s.matches = translate(matches, n)
	}
	return s
}

// flat is the whole file with all streams of the tree unfolded. The nodes are laid.
func (u *unfolding) flat() *view {
	v := new(view)
	u.root.lay(0)
	u.flatten(v, u.root)
	return v
}

func (u *unfolding) flatten(v *view, n *node) {
	content := u.content(n)
	at := int64(0)
	for _, c := range n.children {
		v.add(content, at, c.off-at)
		u.flatten(v, c)
		at = c.end()
	}
	v.add(content, at, n.size-at)
}
