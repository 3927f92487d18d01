package flate

// clOrder is the order in which the lengths of the code of lengths are written.
var clOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// A header tells the codes of a dynamic block: how long the code of each symbol
// is, and how that is written.
type header struct {
	nlit, ndist int
	lengths     [maxLit + maxDist]uint8 // nlit of literals and lengths, ndist of distances behind them
	ncl         int
	cl          [19]uint8 // lengths of the code of lengths
	ops         []op      // the lengths as they are written
}

// An op writes one length (0 to 15), or repeats: 16 the one before, 17 and 18 a
// zero; extra is what stands in its extra bits.
type op struct{ sym, extra uint8 }

var opExtra = [19]uint{16: 2, 17: 3, 18: 7}

func (o op) count() int {
	switch o.sym {
	case 16, 17:
		return int(o.extra) + 3
	case 18:
		return int(o.extra) + 11
	}
	return 1
}

func (h *header) lit() []uint8  { return h.lengths[:h.nlit] }
func (h *header) dist() []uint8 { return h.lengths[h.nlit : h.nlit+h.ndist] }

// expand makes the lengths of the ops.
func (h *header) expand() error {
	n, total := 0, h.nlit+h.ndist
	for _, o := range h.ops {
		var v uint8
		switch {
		case o.sym < 16:
			v = o.sym
		case o.sym == 16 && n == 0:
			return ErrFormat
		case o.sym == 16:
			v = h.lengths[n-1]
		}
		k := o.count()
		if n+k > total {
			return ErrFormat
		}
		for ; k > 0; k-- {
			h.lengths[n] = v
			n++
		}
	}
	if n != total {
		return ErrFormat
	}
	clear(h.lengths[n:])
	return nil
}

// read takes a header off the stream.
func (h *header) read(b *bitReader, cl *decoder) error {
	v, err := b.bits(14)
	if err != nil {
		return err
	}
	h.nlit, h.ndist, h.ncl = int(v&31)+257, int(v>>5&31)+1, int(v>>10)+4
	if h.nlit > maxLit || h.ndist > maxDist {
		return ErrFormat
	}
	h.cl = [19]uint8{}
	for _, i := range clOrder[:h.ncl] {
		if v, err = b.bits(3); err != nil {
			return err
		}
		h.cl[i] = uint8(v)
	}
	if err := cl.init(h.cl[:]); err != nil {
		return err
	}
	h.ops = h.ops[:0]
	for n := 0; n < h.nlit+h.ndist; {
		sym, err := cl.next(b)
		if err != nil {
			return err
		}
		extra, err := b.bits(opExtra[sym])
		if err != nil {
			return err
		}
		o := op{uint8(sym), uint8(extra)}
		h.ops = append(h.ops, o)
		n += o.count()
	}
	return h.expand()
}

// write is what read reads.
func (h *header) write(b *bitWriter) error {
	var codes [19]uint16
	if err := canonical(h.cl[:], codes[:]); err != nil {
		return err
	}
	b.bits(uint64(h.nlit-257|(h.ndist-1)<<5|(h.ncl-4)<<10), 14)
	for _, i := range clOrder[:h.ncl] {
		b.bits(uint64(h.cl[i]), 3)
	}
	for _, o := range h.ops {
		b.bits(uint64(codes[o.sym]), uint(h.cl[o.sym]))
		b.bits(uint64(o.extra), opExtra[o.sym])
	}
	return nil
}

// fixedLengths are those of a fixed block.
func fixedLengths() (lit, dist []uint8) {
	lit, dist = make([]uint8, maxLit+2), make([]uint8, maxDist+2)
	for i := range lit {
		switch {
		case i < 144:
			lit[i] = 8
		case i < 256:
			lit[i] = 9
		case i < 280:
			lit[i] = 7
		default:
			lit[i] = 8
		}
	}
	for i := range dist {
		dist[i] = 5
	}
	return lit, dist
}
