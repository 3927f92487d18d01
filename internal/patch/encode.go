package patch

import (
	"encoding/binary"
	"io"
)

const (
	// A batch is written when it holds so many bytes of differences and new content.
	batchSize = maxBlock
	// chunk is how much of the contents is compared or written at once.
	chunk = 256 << 10
	// A differing run goes on over fewer equal bytes than join.
	join = 2
)

// A batch is what a stretch of the new content is made of, apart from the old content.
type batch struct {
	runs  []byte // uvarints, in turns: how many bytes are equal, how many differ
	diffs []byte // new less old, for those that differ
	extra []byte // new content that was in no match
}

// encode writes the patch that the matches make.
func encode(w io.Writer, old, new Content, matches []Match) error {
	p, err := newPacker(w)
	if err != nil {
		return err
	}
	defer p.enc.Close()
	if err := writeMatches(p, matches); err != nil {
		return err
	}
	e := encoder{packer: p, old: old, new: new, a: make([]byte, chunk), b: make([]byte, chunk)}
	at := int64(0)
	for _, m := range matches {
		if err := e.extra(at, m.New); err != nil {
			return err
		}
		if err := e.match(m); err != nil {
			return err
		}
		at = m.New + m.Len
	}
	if err := e.extra(at, new.Size()); err != nil {
		return err
	}
	if err := e.flush(0); err != nil {
		return err
	}
	return p.w.Flush()
}

type encoder struct {
	*packer
	old, new Content
	a, b     []byte
	batch
}

// flush writes the batch where another n bytes have no place in it.
func (e *encoder) flush(n int) error {
	held := len(e.batch.diffs) + len(e.batch.extra)
	if held == 0 && len(e.runs) == 0 {
		return nil
	}
	if n > 0 && held+n <= batchSize && len(e.runs)+n <= batchSize {
		return nil
	}
	for _, b := range [][]byte{e.runs, e.diffs, e.batch.extra} {
		if err := e.block(b); err != nil {
			return err
		}
	}
	e.runs, e.diffs, e.batch.extra = e.runs[:0], e.diffs[:0], e.batch.extra[:0]
	return nil
}

// extra takes new content from..to as it is.
func (e *encoder) extra(from, to int64) error {
	for from < to {
		p := e.b[:min(chunk, to-from)]
		if err := readFull(e.new, p, from); err != nil {
			return err
		}
		if err := e.flush(len(p)); err != nil {
			return err
		}
		e.batch.extra = append(e.batch.extra, p...)
		from += int64(len(p))
	}
	return nil
}

// match takes the runs of one match.
func (e *encoder) match(m Match) error {
	same := int64(0) // equal bytes not yet written
	for m.Len > 0 {
		n := min(chunk, m.Len)
		a, b := e.a[:n], e.b[:n]
		if err := readFull(e.old, a, m.Old); err != nil {
			return err
		}
		if err := readFull(e.new, b, m.New); err != nil {
			return err
		}
		// Each byte that differs takes a byte of diffs, and at most two numbers of two bytes
		// or so in runs.
		m = Match{m.Old + n, m.New + n, m.Len - n}
		for len(b) > 0 {
			k := equal(a, b)
			same += int64(k)
			a, b = a[k:], b[k:]
			if len(b) == 0 {
				break
			}
			d := differing(a, b)
			if err := e.flush(d + 16); err != nil {
				return err
			}
			e.runs = binary.AppendUvarint(e.runs, uint64(same))
			e.runs = binary.AppendUvarint(e.runs, uint64(d))
			for i := range d {
				e.diffs = append(e.diffs, b[i]-a[i])
			}
			a, b, same = a[d:], b[d:], 0
		}
	}
	if same == 0 {
		return nil
	}
	if err := e.flush(16); err != nil {
		return err
	}
	e.runs = binary.AppendUvarint(e.runs, uint64(same))
	return nil
}

// differing is how long the run of bytes is that differ, which begins with the first.
func differing(a, b []byte) int {
	n := 1
	for i := 1; i < len(b); i++ {
		if a[i] != b[i] {
			n = i + 1
		} else if i-n+1 >= join {
			break
		}
	}
	return n
}
