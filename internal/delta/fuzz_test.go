package delta

import (
	"bytes"
	"testing"

	"mirrord/internal/digest"
)

// small are two versions of little, with a stream in a stream.
func small(tb testing.TB) (old, new []byte) {
	inner := func(v int) []byte {
		return append(append(noise(1, 100, v), goGzipped(tb, []byte(prose(2, 3000, v)), 6)...), noise(3, 100, v)...)
	}
	return goGzipped(tb, inner(0), 9), goGzipped(tb, inner(1), 9)
}

func FuzzApply(f *testing.F) {
	old, new := small(f)
	delta, _ := makeDelta(f, old, new, Options{})
	f.Add(delta)
	for _, n := range []int{10, 80, 120, len(delta) - 1} {
		f.Add(delta[:n])
	}
	const most = 1 << 20
	f.Fuzz(func(t *testing.T, delta []byte) {
		out, err := applied(t, old, delta, Options{MaxTarget: most, MaxUnfolded: most})
		info, err2 := Inspect(contentOf(delta), Options{MaxTarget: most, MaxUnfolded: most})
		switch {
		case err == nil && (err2 != nil || info.Target != Side{int64(len(out)), digest.Of(out)}):
			t.Errorf("%d bytes of %+v, %v", len(out), info.Target, err2)
		case err != nil && senseless(err) != err:
			t.Errorf("%v has no type", err)
		case len(out) > most:
			t.Errorf("%d bytes", len(out))
		}
	})
}

func FuzzTrees(f *testing.F) {
	old, new := &node{size: 100}, &node{size: 100}
	old.children = []*node{{depth: 1, kind: goGzip + 6, off: 10, len: 80, size: 100}}
	new.children = []*node{{depth: 1, kind: goGzip + 6, off: 10, len: 70, size: 90, old: old.children[0]}}
	f.Add(writeTrees(old, new), int64(100), int64(100))
	f.Fuzz(func(t *testing.T, b []byte, oldSize, newSize int64) {
		const most = 1 << 30
		oldSize, newSize = oldSize&(most-1), newSize&(most-1)
		old, new, err := readTrees(b, oldSize, newSize, most)
		if err != nil {
			return
		}
		again, new2, err := readTrees(writeTrees(old, new), oldSize, newSize, most)
		if err != nil || listed(again) != listed(old) || listed(new2) != listed(new) {
			t.Errorf("%v: %s and %s became %s and %s", err, listed(old), listed(new), listed(again), listed(new2))
		}
	})
}

// FuzzMake: whatever two files are, a delta makes the one from the other.
func FuzzMake(f *testing.F) {
	old, new := small(f)
	f.Add(old, new)
	f.Add(new, append(bytes.Clone(new), new...))
	f.Add([]byte{}, new)
	f.Fuzz(func(t *testing.T, old, new []byte) {
		var d bytes.Buffer
		_, err := Make(t.Context(), &d, contentOf(old), contentOf(new), Options{MaxUnfolded: 1 << 20, MaxDelta: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		out, err := applied(t, old, d.Bytes(), Options{MaxUnfolded: 1 << 20})
		if err != nil || !bytes.Equal(out, new) {
			t.Fatalf("%d bytes, %v", len(out), err)
		}
	})
}

func FuzzGzipHeader(f *testing.F) {
	f.Add([]byte("\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03name\x00"))
	f.Add([]byte("\x1f\x8b\x08\x1e\x00\x00\x00\x00\x00\x03\x01\x00xname\x00comment\x00cc"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, ok := gzipHeader(b); ok && (n < 10 || n > int64(len(b))) {
			t.Errorf("%d of %d", n, len(b))
		}
	})
}

func TestGzipHeader(t *testing.T) {
	for head, want := range map[string]int64{
		"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03":                               10,
		"\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03name\x00":                       15,
		"\x1f\x8b\x08\x1e\x00\x00\x00\x00\x00\x03\x01\x00xname\x00comment\x00cc": 28,
		"\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03name":                           -1,
		"\x1f\x8b\x08\x20\x00\x00\x00\x00\x00\x03":                               -1,
		"\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\x03\xff\xff":                       -1,
		"\x1f\x8b\x08\x00": -1,
	} {
		n, ok := gzipHeader([]byte(head + "rest"[:min(4, max(0, int(want)))]))
		if ok != (want >= 0) || ok && n != want {
			t.Errorf("%q: %d %t, want %d", head, n, ok, want)
		}
	}
}
