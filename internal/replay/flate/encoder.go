package flate

// An encoder is what an encoder of the zlib family does at one level: how it
// looks for matches, and when it ends a block.
type encoder struct {
	// A match of good length makes the search for a better one shorter by
	// three quarters; from lazy on none is looked for. One of nice length
	// ends a search, and so do chain candidates.
	good, lazy, nice, chain int
	greedy                  bool // takes the first match it finds; then a match longer than lazy is not entered
	quad                    bool // Go's: matches of 4 bytes at least, found by their first 4
	hashBits                uint // of zlib's hash
	blockTokens             int
	cut                     bool // gzip's: a block that does well ends early
	rsyncable               bool
}

const (
	tooFar = 4096 // from here on the shortest match costs more than it saves
	// zlib's window keeps the longest match and a little more of what is ahead.
	zlibDist = windowSize - maxMatch - minMatch - 1
	// rsyncWindow is over how many bytes gzip --rsyncable sums.
	rsyncWindow = 4096
)

// families are the encoders that have levels in common.
const (
	zlibFamily   = iota // memory level 8, the default
	zlibBig             // memory level 9
	gzipFamily          // GNU gzip
	gzipSyncable        // gzip --rsyncable
	goFamily            // compress/flate, levels 2 to 9
	families
)

// levels are the same in all families.
var levels = [10]encoder{
	1: {good: 4, lazy: 4, nice: 8, chain: 4, greedy: true},
	2: {good: 4, lazy: 5, nice: 16, chain: 8, greedy: true},
	3: {good: 4, lazy: 6, nice: 32, chain: 32, greedy: true},
	4: {good: 4, lazy: 4, nice: 16, chain: 16},
	5: {good: 8, lazy: 16, nice: 32, chain: 32},
	6: {good: 8, lazy: 16, nice: 128, chain: 128},
	7: {good: 8, lazy: 32, nice: 128, chain: 256},
	8: {good: 32, lazy: 128, nice: 258, chain: 1024},
	9: {good: 32, lazy: 258, nice: 258, chain: 4096},
}

// encoderOf is the encoder of a family and level; false where there is none.
func encoderOf(family, level int) (encoder, bool) {
	if level < 1 || level > 9 || family >= families || family == goFamily && level < 2 {
		return encoder{}, false
	}
	e := levels[level]
	e.hashBits = 15
	switch family {
	case zlibFamily:
		e.blockTokens = 1<<14 - 1
	case zlibBig:
		e.blockTokens, e.hashBits = 1<<15-1, 16
	case gzipFamily, gzipSyncable:
		e.blockTokens, e.cut, e.rsyncable = 1<<15-1, level > 2, family == gzipSyncable
	case goFamily:
		e.quad, e.blockTokens = true, 1<<14
	}
	return e, true
}

// bounds foretells where blocks end.
type bounds struct {
	*encoder
	win             *window
	length          int64 // a piece ends after so much content, 0 for any
	chunk           int64 // a block ends at each multiple, 0 for none
	start           int64 // of the block
	stop            int64 // where the piece ends at the latest
	tokens, matches int
	distBits        int64
	sum             uint32 // of the rsyncWindow bytes up to summed
	summed          int64
	hit             bool
	ended           bool // the block is likely to end here
	full            bool // the piece ends here
}

// begin begins a block at pos.
func (b *bounds) begin(pos int64) {
	b.start, b.tokens, b.matches, b.distBits, b.ended = pos, 0, 0, 0, pos == b.win.size
	b.beginPiece(pos)
}

func (b *bounds) beginPiece(pos int64) {
	b.stop = b.win.size
	if b.chunk > 0 {
		b.stop = min(b.stop, pos-pos%b.chunk+b.chunk)
	}
	if b.length > 0 {
		b.stop = min(b.stop, pos+b.length)
	}
}

// add takes a token at pos, whose index in the window is i.
func (b *bounds) add(t token, pos int64, i int) {
	after := pos + int64(t.length())
	b.tokens++
	b.ended, b.full = b.tokens == b.blockTokens || after == b.stop, after >= b.stop
	if b.full {
		b.beginPiece(after)
	}
	if b.cut {
		b.ended = b.cuts(t, pos) || b.ended
	}
	if b.rsyncable {
		b.roll(after, i-int(pos-b.summed))
		b.ended = b.ended || b.hit
		b.hit = b.hit && !b.ended
	}
}

// cuts is whether gzip ends the block here because it does well.
func (b *bounds) cuts(t token, pos int64) bool {
	if t.isMatch() {
		b.matches++
		b.distBits += 5 + int64(distCodes[distCode(t.dist())].extra)
	}
	if b.tokens&0xfff != 0 {
		return false
	}
	in := pos - b.start
	if !b.greedy {
		in++
	}
	return b.matches < b.tokens/2 && (int64(b.tokens)*8+b.distBits)>>3 < in/2
}

// roll sums on from summed, which is at i of the window, up to after.
func (b *bounds) roll(after int64, i int) {
	for ; b.summed < after; b.summed++ {
		b.sum += uint32(b.win.buf[i])
		if b.summed >= rsyncWindow {
			b.sum -= uint32(b.win.buf[i-rsyncWindow])
			b.hit = b.hit || b.sum%rsyncWindow == 0
		}
		i++
	}
}
