package upstream_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

// randomFault is any fault that a reader can survive or must notice.
func randomFault(r *rand.Rand) faulty.Fault {
	at := r.Int64N(int64(len(content)))
	switch r.IntN(14) {
	case 0:
		return faulty.Cut(at)
	case 1:
		return faulty.Reset(at)
	case 2:
		return faulty.Drop()
	case 3:
		return faulty.Chunked().And(faulty.Cut(at))
	case 4:
		return faulty.CloseDelimited().And(faulty.Cut(at))
	case 5:
		return faulty.Status(500 + r.IntN(5))
	case 6:
		return faulty.IgnoreRange().And(faulty.Cut(at))
	case 7:
		return faulty.ContentRange(fmt.Sprintf("bytes %d-199999/200000", at))
	case 8:
		return faulty.Length(r.Int64N(100) - 50)
	case 9:
		return faulty.Partial()
	case 10:
		return faulty.Gzip()
	case 11:
		return faulty.Status(404)
	case 12:
		return faulty.IgnoreIfRange().And(faulty.Swap(bytes.Repeat([]byte{0}, int(at)))).Ranged()
	default:
		return faulty.Pass()
	}
}

// Whatever two mirrors do, a reader gets a true prefix, and a clean end only
// with the whole file.
func TestStorm(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 7))
		b := setUp(t, 2)
		for range r.IntN(6) {
			b.u[0].Fail(path, randomFault(r))
			b.u[1].Fail(path, randomFault(r))
		}
		data, body, err := b.get(t, whole())
		switch {
		case body == nil && err == nil:
			t.Fatalf("seed %d: neither body nor error", seed)
		case err == nil && !bytes.Equal(data, content):
			t.Fatalf("seed %d: %d wrong bytes ended cleanly: %q %q", seed, len(data), b.u[0].Lines(), b.u[1].Lines())
		case len(data) > len(content) || !bytes.Equal(data, content[:len(data)]):
			t.Fatalf("seed %d: wrong bytes: %q %q", seed, b.u[0].Lines(), b.u[1].Lines())
		}
		for _, u := range b.u {
			u.Down()
		}
	}
}

// Many readers share the mirrors' state.
func TestHerd(t *testing.T) {
	b := setUp(t, 2)
	b.u[0].Fail(path, faulty.Cut(1000).Times(10))
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			body, err := b.Open(t.Context(), upstream.Request{Path: file, Size: -1})
			if err != nil {
				t.Error(err)
				return
			}
			defer body.Close()
			if data, err := io.ReadAll(body); err != nil || !bytes.Equal(data, content) {
				t.Errorf("%v, %d bytes", err, len(data))
			}
			b.Status()
			b.Mirrors()
		})
	}
	wg.Wait()
}
