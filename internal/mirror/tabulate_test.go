package mirror

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/repo"

	"github.com/klauspost/compress/zstd"
)

// fedora is how many packages the largest repository of Fedora has, roughly.
const fedora = 60_000

// publishMany puts a repository of n packages on the first upstream that it names in
// no order, and has a client take its root. The first package is named twice; the
// second time counts.
func (h *house) publishMany(n int) {
	h.t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		h.t.Fatal(err)
	}
	entry := func(i, size int) {
		fmt.Fprintf(w, `<package type="rpm"><checksum type="sha256" pkgid="YES">%x</checksum><size package="%d"/><location href="%s"/></package>`,
			sum(fmt.Sprint(i)), size, manyPath(i))
	}
	fmt.Fprint(w, "<metadata>")
	entry(0, 1)
	for i := range n {
		at := i * 7919 % n
		entry(at, at+1000)
	}
	fmt.Fprint(w, "</metadata>")
	if err := w.Close(); err != nil {
		h.t.Fatal(err)
	}
	const primary = "repodata/primary.xml.zst"
	md := fmt.Sprintf(`<repomd><data type="primary"><checksum type="sha256">%x</checksum><location href="%s"/><size>%d</size></data></repomd>`, sum(b.String()), primary, b.Len())
	h.ups[0].Set("/"+primary, b.Bytes())
	h.ups[0].Set("/repodata/repomd.xml", []byte(md))
	h.rpmWants(nil, "repodata/repomd.xml", md)
	h.rpmWants(nil, primary, b.String())
	h.m.wg.Wait()
}

func manyPath(i int) string {
	return fmt.Sprintf("Packages/%c/package-%06d-with-a-name-of-usual-length-1.0-1.fc40.x86_64.rpm", 'a'+i%26, i)
}

func (h *house) vouched(p string) repo.Ref {
	h.t.Helper()
	ref, ok := h.m.repos["rpm"].tables.lookup(h.t.Context(), p, nil)
	if !ok {
		h.t.Fatalf("%s is not vouched for", p)
	}
	return ref
}

// unread drops the table that publishMany had made.
func (h *house) unread() {
	h.t.Helper()
	t := &h.m.repos["rpm"].tables
	if err := h.store.Update(func(tx cache.Tx) error { return tx.Drop(t.all()[0].name("rpm")) }); err != nil {
		h.t.Fatal(err)
	}
	t.reset()
}

// peakHeap runs fn and tells by how many bytes the heap grew at most.
func peakHeap(fn func()) int64 {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most := before.HeapInuse
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapInuse)
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	})
	fn()
	close(done)
	watch.Wait()
	return int64(most) - int64(before.HeapInuse)
}

// TestManyPackages: an index is unpacked, read and written to a table in memory that
// does not grow with it; BenchmarkTable measures the time.
func TestManyPackages(t *testing.T) {
	h := newHouse(t, 1)
	const n = 4 * fedora
	h.publishMany(n)
	h.unread()
	grown := peakHeap(func() { h.vouched(manyPath(1)) })
	t.Logf("the heap grew by %d MiB", grown>>20)
	if grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	for _, i := range []int{0, 1, n / 2, n - 1} {
		if ref := h.vouched(manyPath(i)); ref.Size != int64(i+1000) || fmt.Sprintf("sha256:%x", sum(fmt.Sprint(i))) != string(ref.Digest) {
			t.Errorf("%d: %+v", i, ref)
		}
	}
	if _, ok := h.m.repos["rpm"].tables.lookup(t.Context(), "Packages/none.rpm", nil); ok {
		t.Error("a package that is not named is vouched for")
	}
}

// BenchmarkTable is what the first package of a root that is new costs its client, once
// primary.xml is there: as many packages as Fedora has, in zst.
func BenchmarkTable(b *testing.B) {
	h := newHouse(b, 1)
	h.publishMany(fedora)
	for b.Loop() {
		b.StopTimer()
		h.unread()
		b.StartTimer()
		h.vouched(manyPath(1))
	}
}

// TestTableWriter: a table counts when it is whole, and not before.
func TestTableWriter(t *testing.T) {
	h := newHouse(t, 1)
	want := func(what string, runsWanted int, paths map[string]bool) {
		t.Helper()
		h.store.View(func(tx cache.Tx) error {
			if got := runs(tx, "t"); got != runsWanted {
				t.Errorf("%s: %d runs, want %d", what, got, runsWanted)
			}
			for p, there := range paths {
				if _, ok := find(tx, "t", p); ok != there {
					t.Errorf("%s: %s is found: %v", what, p, ok)
				}
			}
			return nil
		})
	}
	value := fmt.Appendf(nil, "sha256:%x 7", sum("x"))
	crashed := &tableWriter{store: h.store, name: "t"}
	if err := errors.Join(crashed.add("old", value), crashed.flush(false)); err != nil {
		t.Fatal(err)
	}
	want("half", 0, map[string]bool{"old": false})

	again := &tableWriter{store: h.store, name: "t"}
	if err := errors.Join(again.add("b", value), again.flush(false), again.add("a", value), again.flush(true)); err != nil {
		t.Fatal(err)
	}
	want("whole", 2, map[string]bool{"a": true, "b": true, "old": false, "c": false})

	dropped := &tableWriter{store: h.store, name: "u"}
	if err := errors.Join(dropped.add("a", value), dropped.flush(false), dropped.drop()); err != nil {
		t.Fatal(err)
	}
	if err := dropped.flush(true); !errors.Is(err, errDropped) {
		t.Errorf("the rest of a table that was dropped meanwhile: %v", err)
	}
	for name, w := range map[string]*tableWriter{"bytes": {bytes: tableMax}, "rows": {total: refsMax}} {
		if err := w.add("p", value); !errors.Is(err, repo.ErrTooLarge) {
			t.Errorf("too many %s: %v", name, err)
		}
	}
}
