package fleet

import (
	"context"
	"strings"
	"testing"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/mirror"
)

func newStore(t testing.TB, dir string) *cache.Store {
	t.Helper()
	s, err := cache.Open(cache.Options{Dir: dir, MaxSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newJournal(t testing.TB, s *cache.Store, most int) *Journal {
	t.Helper()
	j, err := openJournal(s, time.Now, most)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// root is the news that a root of a repository leads to something.
func root(repo, dir, to string) mirror.Change {
	return mirror.Change{Act: mirror.RootMoved, Selector: mirror.Selector{Repo: repo, Path: dir, Digest: digest.Of([]byte(to))}}
}

func numbers(t *testing.T, j *Journal, after uint64) (all []uint64) {
	t.Helper()
	page, err := j.after(after)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range page {
		all = append(all, e.Seq)
	}
	return all
}

func TestJournal(t *testing.T) {
	dir := t.TempDir()
	s := newStore(t, dir)
	j := newJournal(t, s, 3)
	ctx := context.Background()
	_, more := j.at()
	j.Add(ctx, root("a", "d", "1"))
	select {
	case <-more:
	default:
		t.Error("nobody was told")
	}
	j.Add(ctx, root("a", "d", "1")) // is told already
	j.Add(ctx, root("a", "e", "1"))
	j.Add(ctx, mirror.Change{Act: mirror.WasPurged, Selector: mirror.Selector{Repo: "a", Prefix: "p/"}})
	j.Add(ctx, mirror.Change{Act: mirror.WasPurged, Selector: mirror.Selector{Repo: "a", Prefix: "p/"}}) // was done again
	if got := numbers(t, j, 0); len(got) != 3 || got[0] != 2 || got[2] != 4 {
		t.Errorf("the newest three are %v", got)
	}
	for seq, known := range map[uint64]bool{0: false, 1: true, 4: true, 5: false} {
		if got := j.follows(place{j.name, seq}); got != known {
			t.Errorf("what follows %d is known: %v", seq, got)
		}
	}
	if j.follows(place{"other", 4}) {
		t.Error("another journal's number is known")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = newStore(t, dir)
	defer s.Close()
	again := newJournal(t, s, 3)
	if again.name != j.name || again.last != 4 || again.first != 2 {
		t.Errorf("after a restart: %s %d to %d, expected %s 2 to 4", again.name, again.first, again.last, j.name)
	}
	again.Add(ctx, root("a", "e", "1"))
	if again.last != 4 {
		t.Error("what was told before the restart is told again")
	}
	again.Add(ctx, root("a", "e", "2"))
	if got := numbers(t, again, 4); len(got) != 1 || got[0] != 5 {
		t.Errorf("after 4: %v", got)
	}
}

func TestParseLine(t *testing.T) {
	for text, ok := range map[string]bool{
		`{"beat":4}`: true, `{}`: true,
		`{"seq":1,"act":"root","repo":"a","path":"d"}`:                                  true,
		`{"seq":1,"act":"of another version","repo":"a"}`:                               true,
		`{"seq":1,"repo":"a"}`:                                                          false,
		`{"act":"root","repo":"a"}`:                                                     false,
		`{"seq":1,"act":"root"}`:                                                        false,
		`{"seq":-1,"act":"root","repo":"a"}`:                                            false,
		`{"seq":1,"act":"root","repo":"` + strings.Repeat("a", nameMost+1) + `"}`:       false,
		`{"seq":1,"act":"purge","repo":"a","glob":"` + strings.Repeat("a", 5000) + `"}`: false,
		``: false, `[]`: false, `{"beat":4} {}`: false,
	} {
		if _, _, err := parseLine([]byte(text)); (err == nil) != ok {
			t.Errorf("%.80q: %v", text, err)
		}
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add([]byte(`{"beat":4}`))
	f.Add([]byte(`{"seq":1,"at":"2026-01-01T00:00:00Z","act":"root","repo":"a","path":"d","digest":"sha256:00","origin":"x"}`))
	f.Add([]byte(`{"seq":18446744073709551615,"act":"purge","repo":"a","glob":"**"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, upTo, err := parseLine(line)
		if err != nil {
			return
		}
		if e.Seq != 0 && (e.Seq != upTo || e.Repo == "" || e.Act == "" || max(len(e.Path), len(e.Glob)) > fieldMost) {
			t.Errorf("%+v up to %d", e, upTo)
		}
		if e.Seq == 0 && e != (Entry{}) {
			t.Errorf("a beat with %+v", e)
		}
	})
}
