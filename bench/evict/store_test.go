package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"mirrord/bench/evict/policy"
	"mirrord/internal/cache"
	"mirrord/internal/digest"
)

// body is an object of the trace: its number, repeated.
func body(id uint32, size int64) []byte {
	return bytes.Repeat(binary.BigEndian.AppendUint32(nil, id), int(size)/4)
}

// source gives an object at once.
type source []byte

func (s source) Open(_ context.Context, off int64, _ cache.Meta) (*cache.Incoming, error) {
	return &cache.Incoming{Body: io.NopCloser(bytes.NewReader(s[off:])), Off: off, Size: int64(len(s)), Framed: true}, nil
}

func (s source) Reject(err error) error { return err }

// TestStoreDoesAsSimulated: the store holds, after each request, what the simulated
// policy holds. So the table is of what mirrord does.
func TestStoreDoesAsSimulated(t *testing.T) {
	const objects, requests, limit = 150, 1500, 600 << 10
	rng := rand.New(rand.NewPCG(1, 1))
	var now atomic.Int64
	store, err := cache.Open(cache.Options{Dir: t.TempDir(), MaxSize: limit, Now: func() time.Time { return time.Unix(now.Load(), 0) }})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	p := policy.New("mirrord", policy.Limits{Bytes: limit, Objects: objects})
	sizes, sums := make([]int64, objects), make([]digest.Digest, objects)
	for id := range sizes {
		sizes[id] = int64(4 * (1 + rng.IntN(1<<uint(4+rng.IntN(13)))))
		sums[id] = digest.Of(body(uint32(id), sizes[id]))
	}
	hits := 0
	for n := range requests {
		now.Store(1e9 + int64(n)*120)
		id := uint32(float64(objects) * rng.Float64() * rng.Float64())
		if n%97 == 96 {
			p.Kill(id)
			named := func(_ cache.Tx, add func(digest.Digest)) error { add(sums[id]); return nil }
			if _, err := store.Supersede([]cache.Naming{named}, nil); err != nil {
				t.Fatal(err)
			}
			continue
		}
		hit := p.Get(policy.Object{ID: id, Size: sizes[id]}, now.Load())
		if hit {
			hits++
		}
		if got := ask(t, store, sums[id], body(id, sizes[id])); got != hit {
			t.Fatalf("request %d, object %d of %d bytes: a hit of the store is %v, of the policy %v", n, id, sizes[id], got, hit)
		}
		// A dry run writes the uses that the store would write after 30 s.
		if _, err := store.Collect(t.Context(), cache.Collection{DryRun: true}); err != nil {
			t.Fatal(err)
		}
	}
	if hits < requests/4 || hits > requests*3/4 {
		t.Errorf("%d hits in %d requests say little", hits, requests)
	}
	if n := store.Stats().Evicted[cache.OverSize].Objects; n < objects {
		t.Errorf("%d evictions say little", n)
	}
}

// ask has the store give the object and reports whether it had it.
func ask(t *testing.T, store *cache.Store, d digest.Digest, data []byte) (hit bool) {
	t.Helper()
	c, err := store.Get(t.Context(), cache.Want{Digest: d, Size: int64(len(data)), Source: source(data)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	return c.How == cache.Hit
}
