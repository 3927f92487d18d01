package patch

// A finder looks for the new content in the old, segment by segment.
type finder struct {
	old, new Content
	blocks   *blocks // of the whole old content, made when first needed
	win      window
	seg      []byte
	near     []byte // of the old content, when a block is followed

	matches []Match
}

// find tells the runs of new that are best made from old.
func find(old, new Content, pairs []Pair) ([]Match, error) {
	f := finder{old: old, new: new}
	if old.Size() < seed {
		return nil, nil
	}
	for _, s := range plan(pairs, old.Size(), new.Size()) {
		if err := f.segment(s); err != nil {
			return nil, err
		}
	}
	return f.matches, nil
}

func (f *finder) segment(s segment) error {
	f.seg = grow(f.seg, int(s.newLen))
	if err := readFull(f.new, f.seg, s.new); err != nil {
		return err
	}
	aligned, err := f.place(&s)
	if err != nil {
		return err
	}
	var found []run
	if s.oldLen > 0 {
		if err := f.win.load(f.old, s.old, s.oldLen); err != nil {
			return err
		}
		sc := scanner{win: &f.win, new: f.seg, gain: f.gain()}
		sc.scan(aligned, int(s.shift+s.new-s.old))
		found = sc.found
	}
	at := 0
	for _, r := range found {
		if err := f.fill(s, at, r.new); err != nil {
			return err
		}
		f.add(Match{s.old + int64(r.old), s.new + int64(r.new), int64(r.len)})
		at = r.new + r.len
	}
	return f.fill(s, at, int(s.newLen))
}

// gain is by how much a match must be better than going on with the one before:
// the more, the fewer may still be found.
func (f *finder) gain() int {
	switch n := len(f.matches); {
	case n > MaxMatches/4*3:
		return 128
	case n > MaxMatches/2:
		return 32
	}
	return 8
}

// add takes a match where it is worth its place, and joins it to the one before.
func (f *finder) add(m Match) {
	if n := len(f.matches); n > 0 {
		last := &f.matches[n-1]
		if last.New+last.Len == m.New && last.Old+last.Len == m.Old {
			last.Len += m.Len
			return
		}
	}
	if m.Len >= int64(f.gain()) && len(f.matches) < MaxMatches {
		f.matches = append(f.matches, m)
	}
}

// place decides which window of the old content the segment is matched
// against, and whether the shift of its first byte is known.
func (f *finder) place(s *segment) (aligned bool, err error) {
	aligned = s.aligned
	if n := len(f.matches); !aligned && n > 0 {
		if last := f.matches[n-1]; last.New+last.Len == s.new {
			aligned, s.shift = true, last.Old-last.New
		}
	}
	size := min(windowSize, f.old.Size(), 4*s.newLen+128<<10)
	switch {
	case s.oldLen > 0 && s.oldLen <= windowSize:
	case s.oldLen == 0 && f.old.Size() <= windowSize:
		s.old, s.oldLen = 0, f.old.Size()
	case s.oldLen > 0 && f.follows(s.new):
		s.old, s.oldLen = s.new+s.shift-(size-s.newLen)/2, size
		s.old = max(0, min(s.old, f.old.Size()-size))
	default:
		err = f.vote(s, size, &aligned)
	}
	return aligned, err
}

// follows tells whether the content before at was found, up to a little.
func (f *finder) follows(at int64) bool {
	end := int64(0)
	if n := len(f.matches); n > 0 {
		end = f.matches[n-1].New + f.matches[n-1].Len
	}
	return at-end < small
}

// vote places the window, of the given size, where most of the segment's
// blocks are found.
func (f *finder) vote(s *segment, size int64, aligned *bool) error {
	x, err := f.index()
	if err != nil {
		return err
	}
	const parts = 16
	part := max(1, size/parts)
	votes := make([]int, f.old.Size()/part+1)
	best, at := 0, int64(0)
	for q := 0; q+2*x.size <= len(f.seg); q++ {
		off, ok := x.lookUp(f.seg[q:])
		if !ok {
			continue
		}
		// One block may be anywhere; two in a row are of one place.
		if next, ok := x.lookUp(f.seg[q+x.size:]); !ok || next != off+int64(x.size) {
			continue
		}
		if !*aligned {
			*aligned, s.shift = true, off-int64(q)-s.new
		}
		votes[off/part]++
		q += 2*x.size - 1
	}
	sum := 0
	for i := range votes {
		sum += votes[i]
		if i >= parts {
			sum -= votes[i-parts]
		}
		if sum > best {
			best, at = sum, max(0, int64(i)-parts+1)
		}
	}
	if best > 0 {
		s.old, s.oldLen = min(at*part, f.old.Size()-size), size
	} else if s.oldLen > 0 {
		s.oldLen = size
	}
	return nil
}

func (f *finder) index() (*blocks, error) {
	var err error
	if f.blocks == nil {
		f.blocks, err = indexBlocks(f.old)
	}
	return f.blocks, err
}

// fill looks everywhere in the old content for what is between two matches of a segment.
func (f *finder) fill(s segment, from, to int) error {
	if to-from < minBlock || s.oldLen == f.old.Size() {
		return nil
	}
	x, err := f.index()
	if err != nil {
		return err
	}
	for q := from; q+x.size <= to; {
		off, ok := x.lookUp(f.seg[q:])
		if !ok {
			q++
			continue
		}
		before, after, err := f.follow(off, f.seg[from:q], f.seg[q:to])
		if err != nil {
			return err
		}
		if after < x.size {
			q++
			continue
		}
		f.add(Match{off - int64(before), s.new + int64(q-before), int64(before + after)})
		q += after
		from = q
	}
	return nil
}

// follow tells how many bytes before and after off in the old content are worth
// putting against the end of before and the start of after.
func (f *finder) follow(off int64, before, after []byte) (back, fwd int, err error) {
	const step = 16 << 10
	f.near = grow(f.near, step)
	for fwd < len(after) {
		p := f.near[:min(step, f.old.Size()-off-int64(fwd), int64(len(after)-fwd))]
		if err := readFull(f.old, p, off+int64(fwd)); err != nil {
			return 0, 0, err
		}
		n := extend(p, after[fwd:])
		fwd += n
		if n < len(p) || n == 0 {
			break
		}
	}
	p := f.near[:min(1<<10, off, int64(len(before)))]
	if err := readFull(f.old, p, off-int64(len(p))); err != nil {
		return 0, 0, err
	}
	return extendBack(p, before), fwd, nil
}
