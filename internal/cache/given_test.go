package cache

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"mirrord/internal/extent"
)

func spans(pairs ...int64) (s extent.Set) {
	for i := 0; i < len(pairs); i += 2 {
		s.Add(pairs[i], pairs[i+1])
	}
	return s
}

// TestWithout: of each mirror only its last version counts.
func TestWithout(t *testing.T) {
	a1, a2, b1 := giver{From: "a", Version: "1"}, giver{From: "a", Version: "2"}, giver{From: "b", Version: "1"}
	p := part{Size: 100, Have: spans(0, 90), Given: ledger{
		{a1, spans(0, 10, 50, 60)}, {b1, spans(10, 20)}, {a2, spans(20, 30)}, {giver{From: "a"}, spans(30, 40)},
	}}
	for _, c := range []struct {
		now  giver
		want extent.Set
	}{
		{giver{}, spans(10, 50, 60, 90)},
		{giver{From: "c", Version: "7"}, spans(10, 50, 60, 90)},
		{giver{From: "a"}, spans(10, 50, 60, 90)},
		{a2, spans(10, 50, 60, 90)},
		{a1, spans(0, 20, 30, 90)},
		{giver{From: "a", Version: "3"}, spans(10, 20, 30, 50, 60, 90)},
		{giver{From: "b", Version: "2"}, spans(20, 50, 60, 90)},
	} {
		left := p.without(c.now)
		if !slices.Equal(left.Have.Spans(), c.want.Spans()) || left.Size != p.Size {
			t.Errorf("%+v: %v is left, expected %v", c.now, left.Have.Spans(), c.want.Spans())
		}
	}
	if p.Have.Len() != 90 || len(p.Given) != 4 {
		t.Error("it changed the partial")
	}
}

// TestInheritedLedger: it survives meta.db, each byte has one giver there, and what
// an older mirrord noted is nobody's.
func TestInheritedLedger(t *testing.T) {
	p := part{Size: 100, Have: spans(0, 50), Given: ledger{
		{giver{From: "a", Version: "1", earlier: true}, spans(10, 20)}, {giver{From: "a", Version: "1"}, spans(20, 30)},
	}}
	raw, err := json.Marshal(p)
	var back part
	if err == nil {
		err = json.Unmarshal(raw, &back)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := "[{{a 1 true} {[{10 30}]}} {{  true} {[{0 10} {30 50}]}}]"
	if got := fmt.Sprint(back.inherited()); got != want {
		t.Errorf("%s, expected %s", got, want)
	}
	l := back.inherited()
	l.add(giver{From: "a", Version: "1"}, extent.Span{Off: 50, End: 51})
	l.add(confirmed, extent.Span{Off: 51, End: 52})
	if got := fmt.Sprint(l.suspects()); got != "[{a 1 false} {a 1 true} {  true}]" {
		t.Error(got)
	}
	if err := json.Unmarshal([]byte(`{"s":100,"h":[[0,50]],"t":"2025-01-01T00:00:00Z"}`), &back); err != nil {
		t.Fatal(err)
	}
}

// TestOneWriter: of two fetchers at the same place one writes each byte, and it is
// put down to that one.
func TestOneWriter(t *testing.T) {
	s := open(t, Options{})
	const size, step = 4 << 20, 64 << 10
	w := Want{Digest: "sha256:x", Size: size}
	f := newFlight(s, w.key(), w)
	defer f.cancel(nil)
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	f.file, f.size = file, size
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		wg.Go(func() {
			p := bytes.Repeat([]byte(name), step)
			for at := int64(0); at < size; at += step {
				fetch := &fetcher{pos: at, goal: size}
				if _, err := f.write(fetch, p, giver{From: name}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got, err := os.ReadFile(file.Name())
	if err != nil || len(got) != size {
		t.Fatal(len(got), err)
	}
	total := int64(0)
	for _, share := range f.given {
		total += share.Have.Len()
		for _, there := range share.Have.Spans() {
			if bytes.Count(got[there.Off:there.End], []byte(share.From)) != int(there.End-there.Off) {
				t.Fatalf("not all of %v is %s's", there, share.From)
			}
		}
	}
	if total != size {
		t.Errorf("%d bytes were given, of %d", total, size)
	}
	f.s.space.release(f.hold)
}
