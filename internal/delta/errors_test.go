package delta

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

// layers are two versions of a layer and a delta between them, with streams in streams.
func layers(tb testing.TB) (old, new, delta []byte) {
	tb.Helper()
	old, new = shell(tb, versions(tb), "tar --sort=name --mtime=@0 -cf ../$v.out bin doc/0.txt")
	old, new = goGzipped(tb, old, 6), goGzipped(tb, new, 6)
	delta, _ = makeDelta(tb, old, new, Options{})
	return old, new, delta
}

func TestWrongBase(t *testing.T) {
	old, new, delta := layers(t)
	other := bytes.Clone(old)
	other[len(other)/2]++
	for _, base := range [][]byte{new, other, nil} {
		out, err := applied(t, base, delta, Options{})
		if !errors.Is(err, ErrBase) || len(out) > 0 {
			t.Errorf("%d bytes, %v", len(out), err)
		}
	}
}

func TestFutureVersion(t *testing.T) {
	old, _, delta := layers(t)
	delta[len(magic)] = 7
	_, err := applied(t, old, delta, Options{})
	if !errors.Is(err, ErrVersion) || err.Error() != "a delta of version 7; known is version 1" {
		t.Error(err)
	}
	if _, err := Inspect(contentOf(delta), Options{}); !errors.Is(err, ErrVersion) {
		t.Error(err)
	}
}

// TestCut: a delta that ends too early is never taken for a whole one.
func TestCut(t *testing.T) {
	old, _, delta := layers(t)
	for n := range len(delta) {
		if n > 200 && n < len(delta)-50 && n%97 != 0 {
			continue
		}
		if _, err := applied(t, old, delta[:n], Options{}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d of %d bytes: %v", n, len(delta), err)
		}
		if _, err := Inspect(contentOf(delta[:n]), Options{}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("inspected %d of %d bytes: %v", n, len(delta), err)
		}
	}
	if _, err := applied(t, old, append(delta, 0), Options{}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a byte too many: %v", err)
	}
}

// TestFlipped: a delta of which a bit changed is an error, or makes the right bytes.
func TestFlipped(t *testing.T) {
	old, new, delta := layers(t)
	for at := range delta {
		if at > 200 && at < len(delta)-50 && at%97 != 0 {
			continue
		}
		bad := bytes.Clone(delta)
		bad[at] ^= 1 << (at % 8)
		out, err := applied(t, old, bad, Options{MaxTarget: 1 << 30, MaxUnfolded: 1 << 30})
		if err == nil && !bytes.Equal(out, new) {
			t.Fatalf("bit %d of byte %d: other bytes, and no error", at%8, at)
		}
		if err != nil && senseless(err) != err {
			t.Errorf("bit %d of byte %d: %v has no type", at%8, at, err)
		}
	}
}

var errLine = errors.New("the line is cut")

// TestReadersAndWriters: who fails to read or write is named, and not the delta.
func TestReadersAndWriters(t *testing.T) {
	old, _, delta := layers(t)
	for name, apply := range map[string]func() error{
		"delta": func() error {
			return Apply(t.Context(), io.Discard, contentOf(old), io.MultiReader(contentOf(delta[:len(delta)/2]), failing{}), Options{})
		},
		"base": func() error {
			return Apply(t.Context(), io.Discard, failingContent{contentOf(old)}, contentOf(delta), Options{})
		},
		"target": func() error {
			return Apply(t.Context(), failing{}, contentOf(old), contentOf(delta), Options{})
		},
		"inspected": func() error {
			_, err := Inspect(io.MultiReader(contentOf(delta[:len(delta)/2]), failing{}), Options{})
			return err
		},
		"made": func() error {
			_, err := Make(t.Context(), failing{}, contentOf(old), contentOf(append(old, 0)), Options{})
			return err
		},
		"unfolded": func() error {
			_, err := Make(t.Context(), io.Discard, failingContent{contentOf(old)}, contentOf(old), Options{})
			return err
		},
	} {
		if err := apply(); err != errLine {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Make(t.Context(), io.Discard, contentOf(old), contentOf(old), Options{Dir: t.TempDir() + "/none"}); err == nil || errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error)  { return 0, errLine }
func (failing) Write([]byte) (int, error) { return 0, errLine }

// failingContent cannot be read behind its middle.
type failingContent struct{ *bytes.Reader }

func (f failingContent) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.Size()/2 {
		return 0, errLine
	}
	return f.Reader.ReadAt(p, off)
}

// TestCancelled: work ends with its context, and leaves nothing.
func TestCancelled(t *testing.T) {
	old, new, delta := layers(t)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	err := Apply(ctx, writerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil }), contentOf(old), contentOf(delta), Options{Dir: dir})
	if err != context.Canceled {
		t.Error(err)
	}
	isEmpty(t, dir)
	if _, err := Make(ctx, io.Discard, contentOf(old), contentOf(new), Options{Dir: dir}); err != context.Canceled {
		t.Error(err)
	}
	isEmpty(t, dir)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestNotWorth: what would not be smaller, or not by enough, is not written.
func TestNotWorth(t *testing.T) {
	old, new, delta := layers(t)
	var out bytes.Buffer
	_, err := Make(t.Context(), &out, contentOf(noise(1, 1000, 0)), contentOf(noise(2, 1000, 0)), Options{})
	if !errors.Is(err, ErrNotWorth) || out.Len() > 0 || !strings.HasSuffix(err.Error(), "bytes, for a target of 1000") {
		t.Errorf("%d bytes, %v", out.Len(), err)
	}
	_, err = Make(t.Context(), &out, contentOf(old), contentOf(new), Options{MaxDelta: int64(len(delta) - 1)})
	if !errors.Is(err, ErrNotWorth) || out.Len() > 0 {
		t.Errorf("%d bytes, %v", out.Len(), err)
	}
	if _, err := Make(t.Context(), &out, contentOf(old), contentOf(new), Options{MaxDelta: int64(len(delta))}); err != nil {
		t.Error(err)
	}
}

// hostile panics where it is read.
type hostile struct{}

func (hostile) ReadAt([]byte, int64) (int, error) { panic("hostile") }
func (hostile) Size() int64                       { return 1 << 20 }

// TestPanic: what goes wrong in a reader of foreign bytes is an error.
func TestPanic(t *testing.T) {
	_, new, delta := layers(t)
	if _, err := Make(t.Context(), io.Discard, hostile{}, contentOf(new), Options{Dir: t.TempDir()}); !errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
	if err := Apply(t.Context(), io.Discard, hostile{}, bytes.NewReader(delta), Options{Dir: t.TempDir()}); err == nil {
		t.Error("no error")
	}
}
