package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"time"
)

// storeAttempts is one to store, one to see it, and some for a busy machine.
const storeAttempts = 5

var errNotStored = errors.New("a hit that asked the origin")

// hit is one server at one size in one round.
type hit struct {
	RequestsPerSecond float64 `json:"requests_per_s"`
	CPUPerRequest     float64 `json:"cpu_us_per_request"`
	CPUPerGB          float64 `json:"cpu_s_per_gb"` // 10^9 bytes of objects
}

// hitKey names a cell of the result.
type hitKey struct {
	Server string
	Size   int64
}

// hits are all cells, each with its rounds in order.
type hits map[hitKey][]hit

// warm makes every server store what will be asked, and checks the bytes.
func warm(ctx context.Context, f *fleet, repo *repository) error {
	c := newClient()
	defer c.CloseIdleConnections()
	for _, s := range f.servers {
		if !s.blobs {
			if err := update(ctx, s.base, repo); err != nil {
				return err
			}
		}
		for _, o := range repo.Hits {
			if err := store(ctx, c, s, o); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	syscall.Sync() // or the writing back falls into the first rounds
	return nil
}

// store fetches o until an answer costs the origin nothing: docker-registry stores
// with a request of its own, which may end after the client's.
func store(ctx context.Context, c *http.Client, s *server, o object) error {
	for range storeAttempts {
		before := s.asked(o)
		if _, err := fetch(ctx, c, s.url(o), o); err != nil {
			return err
		}
		if s.origin == nil || s.asked(o) == before {
			return nil
		}
		if _, err := finalCount(ctx, s.origin, o.Path); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: %s, %d times in a row", errNotStored, s.url(o), storeAttempts)
}

// measureHits runs the rounds: within a round and size the servers take turns.
func measureHits(ctx context.Context, f *fleet, repo *repository, l load, script string, rounds int, say sayFunc) (hits, error) {
	all := make(hits)
	for round := range rounds {
		for _, o := range repo.Hits {
			say("hits %s, round %d of %d", sizeName(o.Size), round+1, rounds)
			for _, s := range f.servers {
				h, err := measureHit(ctx, s, o, l, script)
				if err != nil {
					return nil, fmt.Errorf("%s at %s: %w", s.name, sizeName(o.Size), err)
				}
				key := hitKey{s.name, o.Size}
				all[key] = append(all[key], h)
			}
		}
	}
	return all, nil
}

func measureHit(ctx context.Context, s *server, o object, l load, script string) (hit, error) {
	asked := s.asked(o)
	before, err := readCPU(s.pid)
	if err != nil {
		return hit{}, err
	}
	res, err := l.run(ctx, script, s.url(o))
	if err != nil {
		return hit{}, err
	}
	after, err := readCPU(s.pid)
	if err != nil {
		return hit{}, err
	}
	if res.answers(o.Size) == 0 {
		return hit{}, fmt.Errorf("%w: no answer in %v", errLoad, res.Duration)
	}
	if again := s.asked(o); again != asked {
		return hit{}, fmt.Errorf("%w: %d times", errNotStored, again-asked)
	}
	return newHit(res, o.Size, after-before), nil
}

func newHit(res loadResult, size int64, cpu time.Duration) hit {
	n := res.answers(size)
	return hit{
		RequestsPerSecond: n / res.Duration.Seconds(),
		CPUPerRequest:     cpu.Seconds() * 1e6 / n,
		CPUPerGB:          cpu.Seconds() / (n * float64(size)) * 1e9,
	}
}

// asked is how often this server has fetched o from its origin. A HEAD is no
// fetch: mirrord asks every few minutes whether a client may still read.
func (s *server) asked(o object) int64 {
	if s.origin == nil {
		return 0
	}
	asked := s.origin.count(o.Path)
	return asked.Requests - asked.Heads
}
