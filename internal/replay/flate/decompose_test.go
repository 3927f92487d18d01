package flate

import (
	"bufio"
	"bytes"
	"compress/flate"
	"io"
	"testing"
)

// mem is a Content in memory.
type mem struct{ *bytes.Reader }

func contentOf(b []byte) mem { return mem{bytes.NewReader(b)} }

func decompose(t testing.TB, stream []byte) (content, script []byte) {
	t.Helper()
	var c, s bytes.Buffer
	r := bufio.NewReader(io.MultiReader(bytes.NewReader(stream), bytes.NewReader([]byte("behind"))))
	if err := Decompose(r, &c, &s); err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(r); string(rest) != "behind" {
		t.Fatalf("%q is left behind the stream", rest)
	}
	return c.Bytes(), s.Bytes()
}

func TestDecomposeReadsContent(t *testing.T) {
	text := sample(300_000)
	for level := -2; level <= 9; level++ {
		var out bytes.Buffer
		w, _ := flate.NewWriter(&out, level)
		w.Write(text)
		w.Close()
		if got, _ := decompose(t, out.Bytes()); !bytes.Equal(got, text) {
			t.Errorf("level %d: %d bytes, not what was packed", level, len(got))
		}
	}
}
