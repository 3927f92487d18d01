package dcz

import "github.com/klauspost/compress/huff0"

// blockMax is the largest block of zstd, in bytes of content.
const blockMax = 128 << 10

// The kinds of a block.
const (
	blockRaw        = 0
	blockCompressed = 2
)

// blockWriter writes the blocks of one frame (RFC 8878, 3.1.1.2). What repeats is written
// with the codes that need no table: there are few repetitions, and long ones.
type blockWriter struct {
	rep      repeats
	huffman  *huff0.Scratch
	section  []byte
	literals []byte
}

func newBlockWriter() *blockWriter {
	w := &blockWriter{rep: firstRepeats, huffman: new(huff0.Scratch)}
	w.huffman.Reuse = huff0.ReusePolicyNone
	return w
}

// append appends a block of content that was taken apart.
func (w *blockWriter) append(to, content []byte, list []sequence, last bool) []byte {
	rep := w.rep
	w.literals = w.literals[:0]
	at := 0
	for _, s := range list {
		w.literals = append(w.literals, content[at:at+s.literals]...)
		at += s.literals + s.length
	}
	w.literals = append(w.literals, content[at:]...)
	w.section = w.appendLiterals(w.section[:0])
	w.section = w.appendSequences(w.section, list)
	if len(w.section) < len(content) {
		return append(appendBlockHeader(to, blockCompressed, len(w.section), last), w.section...)
	}
	// The decoder knows nothing of what was tried.
	w.rep, w.huffman.Reuse = rep, huff0.ReusePolicyNone
	return append(appendBlockHeader(to, blockRaw, len(content), last), content...)
}

func appendBlockHeader(to []byte, kind, size int, last bool) []byte {
	h := size<<3 | kind<<1
	if last {
		h |= 1
	}
	return append(to, byte(h), byte(h>>8), byte(h>>16))
}

// The kinds of a section of literals.
const (
	literalsRaw        = 0
	literalsCompressed = 2
	literalsTreeless   = 3 // with the tree of the one before
)

const (
	// huffmanLeast is the least that is worth a tree.
	huffmanLeast = 32
	// huffmanFour is from where on there are four streams.
	huffmanFour = 1 << 10
)

func (w *blockWriter) appendLiterals(to []byte) []byte {
	n := len(w.literals)
	if n < huffmanLeast {
		return appendRaw(to, w.literals)
	}
	compress := huff0.Compress1X
	if n >= huffmanFour {
		compress = huff0.Compress4X
	}
	out, reused, err := compress(w.literals, w.huffman)
	if err != nil {
		return appendRaw(to, w.literals) // the tree is the one before still
	}
	kind := literalsCompressed
	if reused {
		kind = literalsTreeless
	}
	w.huffman.Reuse = huff0.ReusePolicyAllow
	return append(appendSizes(to, kind, n, len(out)), out...)
}

func appendRaw(to, literals []byte) []byte {
	switch n := len(literals); {
	case n < 1<<5:
		to = append(to, byte(n<<3|literalsRaw))
	case n < 1<<12:
		h := n<<4 | 1<<2 | literalsRaw
		to = append(to, byte(h), byte(h>>8))
	default:
		h := n<<4 | 3<<2 | literalsRaw
		to = append(to, byte(h), byte(h>>8), byte(h>>16))
	}
	return append(to, literals...)
}

// appendSizes appends the header of a section of n literals in size bytes, which are fewer.
func appendSizes(to []byte, kind, n, size int) []byte {
	format, width, length := 3, 18, 5
	switch {
	case n < huffmanFour: // one stream
		format, width, length = 0, 10, 3
	case n < 1<<14:
		format, width, length = 2, 14, 4
	}
	h := uint64(kind) | uint64(format)<<2 | uint64(n)<<4 | uint64(size)<<(4+width)
	for i := range length {
		to = append(to, byte(h>>(8*i)))
	}
	return to
}
