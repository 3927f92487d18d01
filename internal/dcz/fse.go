package dcz

import "math/bits"

// table encodes symbols by the finite state entropy of RFC 8878, 4.1.
type table struct {
	log     int
	next    []state  // by symbol, and by what is left of the state
	symbols []symbol // by symbol
}

// state is between 1<<log and 2<<log.
type state uint32

type symbol struct {
	width uint32 // how many bits go out: (state + width) >> 16
	first int32  // where in next its states begin, less the least of what is left
}

// The predefined distributions (RFC 8878, 3.1.1.3.2.2): how many states of 1<<log each
// symbol has. -1 is one state, of those that are less than likely.
var (
	literalTable = newTable(6, 4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1)
	lengthTable  = newTable(6, 1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
		1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1)
	distanceTable = newTable(5, 1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1)
)

func newTable(log int, counts ...int) *table {
	size := 1 << log
	t := &table{log: log, next: make([]state, size), symbols: make([]symbol, len(counts))}
	begin := make([]int, len(counts)) // of each symbol's states in next
	sum := 0
	for s, n := range counts {
		begin[s] = sum
		n = max(n, -n)
		width := log
		if n > 1 {
			width = log - bits.Len(uint(n-1)) + 1
		}
		t.symbols[s] = symbol{uint32(width<<16 - n<<width), int32(sum - n)}
		sum += n
	}
	for at, s := range spread(log, counts) {
		t.next[begin[s]] = state(size + at)
		begin[s]++
	}
	return t
}

// spread gives each state its symbol.
func spread(log int, counts []int) []int {
	size := 1 << log
	of, high := make([]int, size), size
	for s, n := range counts {
		if n < 0 {
			high--
			of[high] = s
		}
	}
	at, step := 0, size>>1+size>>3+3
	for s, n := range counts {
		for range max(n, 0) {
			of[at] = s
			for at = (at + step) % size; at >= high; {
				at = (at + step) % size
			}
		}
	}
	return of
}

// begin is a state that needs no bits to come to.
func (t *table) begin(s int) state {
	sym := t.symbols[s]
	width := (sym.width + 1<<15) >> 16
	return t.next[int32((width<<16-sym.width)>>width)+sym.first]
}

// encode writes a symbol.
func (t *table) encode(b *bitWriter, at *state, s int) {
	sym := t.symbols[s]
	width := (uint32(*at) + sym.width) >> 16
	b.add(uint64(*at), int(width))
	*at = t.next[int32(uint32(*at)>>width)+sym.first]
}
