package delta

import (
	"errors"
	"io"
	"sort"

	"mirrord/internal/patch"
)

// view is a content that is put together from runs of others.
type view struct {
	runs []run
	size int64
}

// run is len bytes of a view at at: those of from at off.
type run struct {
	at, len int64
	from    patch.Content
	off     int64
}

// add puts n bytes of from, at off, to the end.
func (v *view) add(from patch.Content, off, n int64) {
	if n > 0 {
		v.runs = append(v.runs, run{at: v.size, len: n, from: from, off: off})
		v.size += n
	}
}

func (v *view) Size() int64 { return v.size }

func (v *view) ReadAt(p []byte, off int64) (n int, err error) {
	i := sort.Search(len(v.runs), func(i int) bool { return off < v.runs[i].at+v.runs[i].len })
	for ; n < len(p) && i < len(v.runs); i++ {
		r := v.runs[i]
		skip := off + int64(n) - r.at
		part := p[n:min(int64(len(p)), int64(n)+r.len-skip)]
		got, err := r.from.ReadAt(part, r.off+skip)
		n += got
		if got < len(part) {
			return n, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// limited is a Writer that takes no more than left bytes and then fails with err.
type limited struct {
	w    io.Writer
	left int64
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	if int64(len(p)) > l.left {
		return 0, l.err
	}
	n, err := l.w.Write(p)
	l.left -= int64(n)
	return n, err
}

// errTooLong is what there is more of than was told.
var errTooLong = errors.New("it is longer than was told")
