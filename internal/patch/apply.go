package patch

import (
	"bufio"
	"encoding/binary"
	"io"
)

// Apply writes to w the size bytes that patch makes of old, in order, and
// returns the matches that Make did. It never writes more than size, reads
// patch to its end and not beyond, and takes for memory 16 MiB and the matches,
// whatever patch says. What is written is not proved to be right: a patch for
// another old content applies as well. After an error, part of it was written.
func Apply(w io.Writer, old Content, patch io.Reader, size int64) ([]Match, error) {
	u, err := newUnpacker(patch)
	if err != nil {
		return nil, err
	}
	defer u.dec.Close()
	matches, err := readMatches(u, old.Size(), size)
	if err != nil {
		return nil, err
	}
	a := applier{unpacker: u, w: bufio.NewWriterSize(w, chunk), old: old, buf: make([]byte, chunk)}
	at := int64(0)
	for _, m := range matches {
		if err := a.copyExtra(m.New - at); err != nil {
			return nil, err
		}
		if err := a.match(m); err != nil {
			return nil, err
		}
		at = m.New + m.Len
	}
	if err := a.copyExtra(size - at); err != nil {
		return nil, err
	}
	if err := a.end(); err != nil {
		return nil, err
	}
	return matches, a.w.Flush()
}

type applier struct {
	*unpacker
	w   *bufio.Writer
	old Content
	buf []byte

	left  batch     // of the batch at hand, what is not yet used
	whole [3][]byte // its memory
}

// more gets the next batch, when the one at hand has ended and only then.
func (a *applier) more() error {
	if len(a.left.runs)+len(a.left.diffs)+len(a.left.extra) > 0 {
		return corrupt("a batch has too little of one kind")
	}
	var err error
	limits := [3]int{batchSize, batchSize, 0}
	for i := range a.whole {
		if i == 2 {
			limits[2] = batchSize - len(a.whole[1])
		}
		if a.whole[i], err = a.block(a.whole[i], limits[i]); err != nil {
			return err
		}
	}
	a.left = batch{a.whole[0], a.whole[1], a.whole[2]}
	return nil
}

// end makes sure that nothing follows.
func (a *applier) end() error {
	if len(a.left.runs)+len(a.left.diffs)+len(a.left.extra) > 0 {
		return corrupt("more was sent than the content has")
	}
	if _, err := a.r.ReadByte(); err != io.EOF {
		if err == nil {
			err = corrupt("something follows its end")
		}
		return err
	}
	return nil
}

func (a *applier) copyExtra(n int64) error {
	for n > 0 {
		if len(a.left.extra) == 0 {
			if err := a.more(); err != nil {
				return err
			}
			if len(a.left.extra) == 0 {
				return corrupt("a batch without the new content it should have")
			}
		}
		k := min(n, int64(len(a.left.extra)))
		if _, err := a.w.Write(a.left.extra[:k]); err != nil {
			return err
		}
		a.left.extra = a.left.extra[k:]
		n -= k
	}
	return nil
}

// run takes the length of the next run, of a match with n bytes left.
func (a *applier) run(n int64, differs bool) (int64, error) {
	if len(a.left.runs) == 0 {
		if err := a.more(); err != nil {
			return 0, err
		}
	}
	v, k := binary.Uvarint(a.left.runs)
	if k <= 0 || v > uint64(n) {
		return 0, corrupt("a run is not within its match")
	}
	a.left.runs = a.left.runs[k:]
	if differs && (v == 0 || v > uint64(len(a.left.diffs))) {
		return 0, corrupt("a run of %d differing bytes, %d are there", v, len(a.left.diffs))
	}
	return int64(v), nil
}

// match writes what is made of one match, some of the old content at a time.
func (a *applier) match(m Match) error {
	var run int64 // what is left of the run at hand
	differs := true
	for m.Len > 0 {
		p := a.buf[:min(chunk, m.Len)]
		if err := readFull(a.old, p, m.Old); err != nil {
			return err
		}
		for done := int64(0); done < int64(len(p)); {
			if run == 0 {
				var err error
				differs = !differs
				if run, err = a.run(m.Len-done, differs); err != nil {
					return err
				}
			}
			n := min(run, int64(len(p))-done)
			if differs {
				add(p[done:done+n], a.left.diffs)
				a.left.diffs = a.left.diffs[n:]
			}
			run, done = run-n, done+n
		}
		if _, err := a.w.Write(p); err != nil {
			return err
		}
		m.Old, m.Len = m.Old+int64(len(p)), m.Len-int64(len(p))
	}
	return nil
}

func add(p, diffs []byte) {
	diffs = diffs[:len(p)]
	for i := range p {
		p[i] += diffs[i]
	}
}
