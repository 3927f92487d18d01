package lzma_test

import (
	"bufio"
	"bytes"
	"errors"
	"os/exec"
	"testing"

	"mirrord/internal/patch"
	"mirrord/internal/replay/lzma"
)

var errTooMuch = errors.New("more than the test allows")

// bounded is a buffer that takes so many bytes.
type bounded struct {
	bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, errTooMuch
	}
	return b.Buffer.Write(p)
}

func seeds(f *testing.F) [][]byte {
	if _, err := exec.LookPath("xz"); err != nil {
		return nil
	}
	mixed := append(append(text(5, 0), noise(300)...), make([]byte, 500)...)
	return [][]byte{
		xz(f, nil), xz(f, mixed), xz(f, mixed, "-T2", "--block-size=500"), xz(f, text(20, 0), "--check=sha256"),
		xz(f, noise(100), "-0", "--check=none"), xz(f, text(20, 3), "--lzma2=preset=6,lc=0,lp=3,pb=0", "--check=crc32"),
	}
}

// What Decompose accepts is rebuilt to the bit, by itself and after itself.
func FuzzDecompose(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		content, script := bounded{most: 1 << 20}, bounded{most: 1<<22 + 100*len(stream)}
		in := bytes.NewReader(stream)
		r := bufio.NewReader(in)
		if lzma.Decompose(r, &content, &script) != nil {
			return
		}
		if limit := 4*content.Len() + 10*len(stream) + 100; script.Len() > limit {
			t.Fatalf("script of %d bytes; content %d, stream %d", script.Len(), content.Len(), len(stream))
		}
		stream = stream[:len(stream)-in.Len()-r.Buffered()]
		old := lzma.Old{Content: bytes.NewReader(content.Bytes()), Script: bytes.NewReader(script.Bytes())}
		same := []patch.Match{{Len: int64(content.Len())}}
		for _, old := range []lzma.Old{{}, old} {
			packed := pack(t, script.Bytes(), content.Bytes(), old, same)
			var got bytes.Buffer
			if err := lzma.Rebuild(&got, bytes.NewReader(packed), bytes.NewReader(content.Bytes()), old, same); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), stream) {
				t.Fatalf("rebuilt %x", got.Bytes())
			}
		}
	})
}

// Whatever is packed, what is rebuilt is an xz stream of the content.
func FuzzRebuild(f *testing.F) {
	content := append(append(text(5, 0), noise(300)...), text(5, 2)...)
	var old lzma.Old
	matches := []patch.Match{{Old: 0, New: 0, Len: 1000}, {Old: 10, New: 1100, Len: 500}, {Old: 1000, New: 1800, Len: 1000}}
	if all := seeds(f); len(all) > 0 {
		before, script, _ := decompose(f, xz(f, append(text(6, 0), noise(300)...)))
		old = lzma.Old{Content: bytes.NewReader(before), Script: bytes.NewReader(script)}
		for _, args := range [][]string{{"-6"}, {"-0", "--check=none"}, {"-T2", "--block-size=500"}} {
			_, script, _ := decompose(f, xz(f, content, args...))
			f.Add(pack(f, script, content, old, matches))
		}
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		out := bounded{most: 1 << 24}
		if lzma.Rebuild(&out, bytes.NewReader(packed), bytes.NewReader(content), old, matches) != nil {
			return
		}
		got, _, rest := decompose(t, out.Bytes())
		if len(rest) != 0 || !bytes.Equal(got, content) {
			t.Fatalf("%d bytes of content, %d behind the stream", len(got), len(rest))
		}
	})
}
