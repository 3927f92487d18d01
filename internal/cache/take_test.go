package cache

import (
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mirrord/internal/digest"
)

// offered writes a file of another program's and opens it. dir is on the file system of
// the store's.
func offered(t *testing.T, dir string, data []byte) *os.File {
	t.Helper()
	f, err := os.CreateTemp(dir, "offered-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	return f
}

func stat(t *testing.T, path string) *syscall.Stat_t {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t)
}

// What is offered becomes an object with the store's own mode and the right bytes; the
// file itself is left as it was, unless it is to be linked: then the object is the file.
func TestTake(t *testing.T) {
	data := newFake(t, 300_000).data
	sum := sha512.Sum512(data)
	for name, c := range map[string]struct {
		offer Offer
		want  Manner
	}{
		"a copy":              {Offer{Digest: digest.Of(data), Size: int64(len(data))}, Copied},
		"by SHA-512":          {Offer{Digest: digest.FromSum(digest.SHA512, sum[:]), Size: -1}, Copied},
		"nobody vouches":      {Offer{Name: "files/f", Size: -1, Meta: Meta{ETag: `"e"`}}, Copied},
		"named and vouched":   {Offer{Name: "reg/a@x", Digest: digest.Of(data), Size: -1}, Copied},
		"a link":              {Offer{Digest: digest.Of(data), Size: -1, Link: true}, Linked},
		"a link for an entry": {Offer{Name: "files/f", Size: -1, Link: true}, Linked},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, Options{Dir: filepath.Join(dir, "data")})
			c.offer.File = offered(t, dir, data)
			before := stat(t, c.offer.File.Name())
			manner, d, err := s.Take(t.Context(), c.offer)
			if err != nil || d != digest.Of(data) || manner != c.want && !(c.want == Copied && manner == Cloned) {
				t.Fatalf("%v, %v, %v", manner, d, err)
			}
			after, object := stat(t, c.offer.File.Name()), stat(t, s.blobPath(d))
			if linked := after.Ino == object.Ino; linked != c.offer.Link || object.Mode&0o777 != objectMode {
				t.Errorf("the same file: %v; the object's mode is %o", linked, object.Mode)
			}
			if !c.offer.Link && (before.Mode != after.Mode || before.Mtim != after.Mtim || after.Nlink != 1) {
				t.Errorf("the file was touched: %+v, %+v", before, after)
			}
			if e, ok := s.Entry(c.offer.Name); c.offer.Name != "" && (!ok || !e.Checked.IsZero() || e.Digest != d || e.Meta != c.offer.Meta) {
				t.Errorf("the entry is %+v", e)
			}
			readAll(t, get(t, s, Want{Digest: c.offer.Digest, Name: c.offer.Name, Size: -1, Source: newFake(t, 300_000)}), data)
			if manner, _, err := s.Take(t.Context(), c.offer); manner != There || err != nil {
				t.Errorf("a second time: %v, %v", manner, err)
			}
			if st := s.Stats(); st.Objects != 1 || st.Bytes != int64(len(data)) || st.Reserved != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// What is not what it must be leaves nothing behind, and its file as it was.
func TestTakeWrong(t *testing.T) {
	data := newFake(t, 100_000).data
	for _, link := range []bool{false, true} {
		for name, o := range map[string]Offer{
			"another digest": {Digest: digest.Of([]byte("x")), Size: -1},
			"another size":   {Digest: digest.Of(data), Size: 99_999},
			"sha512":         {Digest: digest.FromSum(digest.SHA512, make([]byte, 64)), Size: -1},
		} {
			t.Run(fmt.Sprintf("%s %v", name, link), func(t *testing.T) {
				dir := t.TempDir()
				s := open(t, Options{Dir: filepath.Join(dir, "data")})
				o.File, o.Link = offered(t, dir, data), link
				before := stat(t, o.File.Name())
				if _, _, err := s.Take(t.Context(), o); !errors.Is(err, ErrMismatch) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%v", err)
				}
				if after := stat(t, o.File.Name()); after.Mode != before.Mode || after.Nlink != 1 {
					t.Errorf("mode %o, %d links", after.Mode, after.Nlink)
				}
				left, _ := filepath.Glob(filepath.Join(dir, "data/partial/*"))
				if st := s.Stats(); st.Objects != 0 || st.Reserved != 0 || len(left) != 0 {
					t.Errorf("%+v, left are %v", st, left)
				}
			})
		}
	}
}

// A file that is written while it is linked is not taken.
func TestTakeUnsteady(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: filepath.Join(dir, "data")})
	f := offered(t, dir, newFake(t, 4<<20).data)
	ctx := &meddler{Context: t.Context(), act: func() {
		now := time.Now().Add(time.Minute)
		if err := os.Chtimes(f.Name(), now, now); err != nil {
			t.Error(err)
		}
	}}
	if _, _, err := s.Take(ctx, Offer{File: f, Name: "files/f", Size: -1, Link: true}); !errors.Is(err, ErrMismatch) {
		t.Errorf("%v", err)
	}
	if st := s.Stats(); st.Objects != 0 {
		t.Errorf("%+v", st)
	}
}

// meddler acts once, when it is first asked whether it is over.
type meddler struct {
	context.Context
	act func()
}

func (m *meddler) Err() error {
	if m.act != nil {
		m.act()
		m.act = nil
	}
	return m.Context.Err()
}

// Nothing is evicted for what is offered, by whichever bound there is no room.
func TestTakeNoRoom(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: filepath.Join(dir, "data"), MaxSize: 250_000})
	first, second := newFake(t, 200_000), newFake(t, 100_000)
	for _, link := range []bool{false, true} {
		if _, _, err := s.Take(t.Context(), Offer{File: offered(t, dir, first.data), Digest: digest.Of(first.data), Size: -1, Link: link}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Take(t.Context(), Offer{File: offered(t, dir, second.data), Digest: digest.Of(second.data), Size: -1, Link: link}); !errors.Is(err, ErrNoRoom) {
			t.Errorf("link %v: %v", link, err)
		}
	}
	if !s.Has(digest.Of(first.data)) || s.Stats().Reserved != 0 {
		t.Errorf("%+v", s.Stats())
	}
	full := open(t, Options{Dir: filepath.Join(dir, "full"), MinFree: 1 << 60})
	if _, _, err := full.Take(t.Context(), Offer{File: offered(t, dir, first.data), Digest: digest.Of(first.data), Size: -1}); !errors.Is(err, ErrNoRoom) {
		t.Errorf("a full disk: %v", err)
	}
	own := open(t, Options{Dir: filepath.Join(dir, "own"), Budgets: map[string]int64{"a": 250_000}})
	for _, c := range []struct {
		account string
		src     *fakeSource
		want    error
	}{{"a", first, nil}, {"a", second, ErrNoRoom}, {"b", second, nil}} {
		_, _, err := own.Take(t.Context(), Offer{File: offered(t, dir, c.src.data), Digest: digest.Of(c.src.data), Size: -1, Account: c.account})
		if !errors.Is(err, c.want) {
			t.Errorf("account %s: %v, expected %v", c.account, err, c.want)
		}
	}
}

// What was cut short by a crash leaves nothing but the file as it was, and is taken the
// next time.
func TestTakeAfterCrash(t *testing.T) {
	dir := t.TempDir()
	data := newFake(t, 200_000).data
	s := open(t, Options{Dir: filepath.Join(dir, "data")})
	f := offered(t, dir, data)
	name, err := s.linkPartial(f)
	if err != nil {
		t.Fatal(err)
	}
	marked := s.partialPath(name + "." + digest.Of(data).Hex())
	if err := errors.Join(os.Rename(s.partialPath(name), marked), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: filepath.Join(dir, "data")})
	if left, _ := filepath.Glob(filepath.Join(dir, "data/partial/*")); len(left) != 0 {
		t.Errorf("left are %v", left)
	}
	if st := stat(t, f.Name()); st.Nlink != 1 {
		t.Errorf("%d links", st.Nlink)
	}
	if m, _, err := s.Take(t.Context(), Offer{File: f, Digest: digest.Of(data), Size: -1, Link: true}); m != Linked || err != nil {
		t.Errorf("%v, %v", m, err)
	}
}
