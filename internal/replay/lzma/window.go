package lzma

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"

	"mirrord/internal/patch"
)

// A window is a run of the content in memory: what was last and, where the
// content is known, what comes next.
type window struct {
	buf  []byte
	at   int   // the present place in buf
	end  int   // of what is there in buf
	base int64 // where buf begins in the content

	keep int // so much before at stays when buf moves on
	room int // so far buf grows, where no more is needed at once

	content patch.Content // nil where the content is only being found out
	size    int64         // of content
	err     error         // of reading content
	scratch [maxMatch]byte
}

// ahead is how much of a known content is read at a time.
const ahead = 1 << 18

// blankWindow is a window of a content that is not known yet, and keeps as much
// as a dictionary holds.
func blankWindow(keep int) *window {
	return &window{keep: keep, room: keep + keep/4 + maxChunk}
}

// contentWindow is a window of a known content. What it does not keep is read
// again.
func contentWindow(content patch.Content, keep int) *window {
	return &window{content: content, size: content.Size(), keep: keep, room: keep + keep/4 + 2*ahead}
}

// pos is the present place in the content.
func (w *window) pos() int64 { return w.base + int64(w.at) }

// advance makes n bytes from the present place on addressable; what lies more
// than keep before it may go.
func (w *window) advance(n int) {
	if w.at+n <= len(w.buf) {
		return
	}
	if w.at+n > w.room && w.at > w.keep {
		gone := w.at - w.keep
		copy(w.buf, w.buf[gone:w.end])
		w.at, w.end = w.at-gone, w.end-gone
		w.base += int64(gone)
	}
	if need := w.at + n; need > len(w.buf) {
		grown := make([]byte, max(need, min(2*need, w.room)))
		copy(grown, w.buf[:w.end])
		w.buf = grown
	}
}

// fill reads on, so that a longest match from the present place is in the
// window, or all that is left.
func (w *window) fill() {
	for w.end-w.at < maxMatch && w.base+int64(w.end) < w.size && w.err == nil {
		w.advance(w.end - w.at + ahead)
		n := int(min(ahead, w.size-w.base-int64(w.end)))
		m, err := w.content.ReadAt(w.buf[w.end:w.end+n], w.base+int64(w.end))
		w.end += m
		if m < n {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			w.size = w.base + int64(w.end)
			w.err = fmt.Errorf("content at %d: %w", w.size, err)
		}
	}
}

// back is the byte at a distance.
func (w *window) back(dist uint32) byte {
	if i := w.at - int(dist); i >= 0 {
		return w.buf[i]
	}
	return w.far(dist, 1)[0]
}

// far reads n bytes that are in the window no more.
func (w *window) far(dist uint32, n int) []byte {
	b := w.scratch[:n]
	if _, err := w.content.ReadAt(b, w.pos()-int64(dist)); err != nil && w.err == nil {
		w.err = fmt.Errorf("content at %d: %w", w.pos()-int64(dist), err)
	}
	return b
}

// alike is how many of the next n bytes are those at a distance, n being at most
// maxMatch and what is left of a known content.
func (w *window) alike(dist uint32, n int) int {
	next := w.buf[w.at : w.at+n]
	i := w.at - int(dist)
	if i < 0 {
		return common(w.far(dist, n), next)
	}
	return common(w.buf[i:i+n], next)
}

// common is how long two runs of the same length agree.
func common(a, b []byte) int {
	i := 0
	for ; i+8 <= len(a) && i+8 <= len(b); i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return i
}

// repeat writes n bytes from a distance, which lies in the window, and goes on
// behind them.
func (w *window) repeat(dist uint32, n int) {
	to, from := w.buf[w.at:w.at+n], w.at-int(dist)
	if int(dist) >= n {
		copy(to, w.buf[from:])
	} else {
		for i := range to {
			to[i] = w.buf[from+i]
		}
	}
	w.at += n
	w.end = w.at
}
