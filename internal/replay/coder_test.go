package replay_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"mirrord/internal/replay"
)

// model is a little of everything, over which both ways must agree.
type model struct {
	bit     [4]replay.Prob
	tree    [32]replay.Prob
	numbers replay.Numbers
}

type values struct {
	bit  uint32
	five uint32
	raw  uint64
	num  uint64
}

func (m *model) code(c *replay.Coder, v values) values {
	v.bit = c.Bit(&m.bit[0], v.bit)
	v.five = c.Tree(m.tree[:], 5, v.five)
	v.raw = c.Raw(11, v.raw)
	v.num = c.Number(&m.numbers, v.num)
	return v
}

func some(rnd *rand.Rand) values {
	v := values{five: uint32(rnd.IntN(32)), raw: rnd.Uint64N(1 << 11), num: rnd.Uint64() >> 1 >> rnd.IntN(63)}
	if rnd.IntN(50) == 0 {
		v.bit = 1
	}
	return v
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	for seed := range uint64(20) {
		var out bytes.Buffer
		enc := replay.NewEncoder(&out)
		m, rnd := new(model), rand.New(rand.NewPCG(seed, 1))
		var want []values
		for range seed * 100 {
			want = append(want, m.code(enc, some(rnd)))
		}
		if err := enc.Close(); err != nil {
			t.Fatal(err)
		}
		out.WriteString("behind")
		dec := replay.NewDecoder(&out)
		m = new(model)
		for i, w := range want {
			if got := m.code(dec, values{}); got != w {
				t.Fatalf("seed %d: value %d is %v, %v was written", seed, i, got, w)
			}
		}
		if err := dec.Close(); err != nil {
			t.Fatal(err)
		}
		if out.String() != "behind" {
			t.Fatalf("seed %d: left behind is %q", seed, out.String())
		}
	}
}

// A carry through a long row of 0xff: what is nearly certain to be 0, is 1.
func TestRareBits(t *testing.T) {
	for _, every := range []int{1, 2, 3, 1000, 65537} {
		const n = 300_000
		var out bytes.Buffer
		enc := replay.NewEncoder(&out)
		var p replay.Prob
		for i := range n {
			enc.Bool(&p, i%every == every-1)
		}
		if err := enc.Close(); err != nil {
			t.Fatal(err)
		}
		dec := replay.NewDecoder(&out)
		p = replay.Prob{}
		for i := range n {
			if got := dec.Bool(&p, false); got != (i%every == every-1) {
				t.Fatalf("every %d: bit %d is %v", every, i, got)
			}
		}
	}
}

// What is foreseen costs next to nothing: under 300 bits for 100,000.
func TestWhatIsForeseenIsCheap(t *testing.T) {
	var out bytes.Buffer
	enc := replay.NewEncoder(&out)
	var p replay.Prob
	for range 100_000 {
		enc.Bit(&p, 1)
	}
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 38 {
		t.Errorf("%d bytes for 100,000 equal bits", out.Len())
	}
}

func TestCutShort(t *testing.T) {
	var out bytes.Buffer
	enc := replay.NewEncoder(&out)
	enc.Raw(40, 1<<39+5)
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	dec := replay.NewDecoder(bytes.NewReader(out.Bytes()[:3]))
	dec.Raw(40, 0)
	if err := dec.Err(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut short: %v", err)
	}
}

type full struct{}

var errFull = errors.New("full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteFails(t *testing.T) {
	enc := replay.NewEncoder(full{})
	for range 10_000 {
		enc.Raw(60, 1)
	}
	if err := enc.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close: %v", err)
	}
}
