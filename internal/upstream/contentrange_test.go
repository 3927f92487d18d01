package upstream

import (
	"fmt"
	"testing"
)

func TestContentRange(t *testing.T) {
	for v, want := range map[string]contentRange{
		"bytes 0-99/100": {0, 100, 100},
		"bytes 5-5/*":    {5, 6, -1},
		"bytes */1234":   {-1, -1, 1234},
		"BYTES 1-2/3":    {1, 3, 3},
	} {
		if got, ok := parseContentRange(v); !ok || got != want {
			t.Errorf("%q: %+v %v", v, got, ok)
		}
	}
	for _, v := range []string{
		"", "bytes", "bytes ", "bytes 0-99", "bytes 0-99/99", "bytes 9-8/20", "bytes -1-5/9", "bytes +1-5/9", "bytes 1-/9",
		"bytes */*", "bytes 0-1/", "bytes  0-1/2", "lines 0-1/2", "bytes 0-99999999999999999999/*", "bytes 0-1/2 ", "bytes=0-1/2",
	} {
		if got, ok := parseContentRange(v); ok {
			t.Errorf("%q taken for %+v", v, got)
		}
	}
}

func FuzzContentRange(f *testing.F) {
	f.Fuzz(func(t *testing.T, v string) {
		c, ok := parseContentRange(v)
		if !ok {
			return
		}
		if c.first == -1 {
			if c.end != -1 || c.size < 0 {
				t.Fatalf("%q: %+v", v, c)
			}
			return
		}
		if c.first < 0 || c.end <= c.first || c.size >= 0 && c.end > c.size {
			t.Fatalf("%q: %+v", v, c)
		}
		size := "*"
		if c.size >= 0 {
			size = fmt.Sprint(c.size)
		}
		again, ok := parseContentRange(fmt.Sprintf("bytes %d-%d/%s", c.first, c.end-1, size))
		if !ok || again != c {
			t.Fatalf("%q: %+v reads back as %+v", v, c, again)
		}
	})
}
