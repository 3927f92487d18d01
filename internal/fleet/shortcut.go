package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/delta"
	"mirrord/internal/digest"
	"mirrord/internal/mirror"
	"mirrord/internal/repo"
	"mirrord/internal/upstream"
)

const (
	// leastRebuilt is the size below which a question for a delta costs more than the
	// object.
	leastRebuilt = 16 << 10
	// meteredWait is how long the hub may take to make a delta where bytes count.
	meteredWait = time.Minute
	// firstRate is what rebuilding is taken to bring before it was measured: bytes of
	// the object a second. Three to five times that is unpacked content.
	firstRate = 2 << 20
	// likelyShare is the part of an object that its delta is taken to be, before it is known.
	likelyShare = 0.2
)

// Shortcut has an edge make objects of older ones and of what its hub tells about the
// difference. It is a mirror.Shortcut, for all repositories that come from the hub.
type Shortcut struct {
	Hub     *upstream.Group   // at the hub's Prefix
	Links   []*upstream.Group // whose first mirror is the hub: they measure it
	Store   *cache.Store
	Metered bool // bytes count, not time

	rate pace
}

// Open asks the hub for a delta, where that ends sooner than the whole would. Only then
// it looks for bases.
func (s *Shortcut) Open(ctx context.Context, repoName string, ref repo.Ref, forebears func() ([]mirror.Object, error)) (io.ReadCloser, error) {
	if ref.Size < leastRebuilt || !s.pays(ref.Size, int64(likelyShare*float64(ref.Size))) {
		return nil, mirror.ErrNoShortcut
	}
	bases, err := forebears()
	if err != nil {
		return nil, err
	}
	if len(bases) == 0 {
		return nil, mirror.ErrNoShortcut
	}
	body, err := s.Hub.Open(ctx, upstream.Request{Path: "deltas/" + repoName + "/" + ref.Path, Query: s.query(ref, bases), Size: -1})
	var status *upstream.StatusError
	if errors.As(err, &status) {
		return nil, mirror.ErrNoShortcut
	}
	if err != nil {
		return nil, err
	}
	base, err := s.base(body.Validator.ETag, bases)
	if err != nil || body.Size < 0 || body.Size >= ref.Size || !s.pays(ref.Size, body.Size) {
		return nil, errors.Join(err, body.Close(), mirror.ErrNoShortcut)
	}
	old, err := content(s.Store, base)
	if err != nil { // evicted a moment ago
		return nil, errors.Join(body.Close(), mirror.ErrNoShortcut)
	}
	return s.rebuild(ctx, old, body, ref), nil
}

// query asks for a delta from one of the bases, the likeliest first.
func (s *Shortcut) query(ref repo.Ref, bases []mirror.Object) string {
	q := url.Values{"target": {string(ref.Digest)}}
	for _, b := range bases {
		q.Add("base", string(b.Digest))
	}
	if s.Metered {
		q.Set("wait", strconv.Itoa(int(meteredWait/time.Second)))
	}
	return q.Encode()
}

// base is the one of bases that the hub took: its answer's ETag is "BASE..TARGET".
func (s *Shortcut) base(etag string, bases []mirror.Object) (digest.Digest, error) {
	told, _, _ := strings.Cut(strings.Trim(etag, `"`), "..")
	for _, b := range bases {
		if string(b.Digest) == told {
			return b.Digest, nil
		}
	}
	return "", fmt.Errorf("a delta of a base that was not offered: %.100q", etag)
}

// pays reports that bytes count, or that a delta of that size and the rebuilding take
// less time than the whole.
func (s *Shortcut) pays(whole, delta int64) bool {
	if s.Metered {
		return true
	}
	link := 0.0
	for _, g := range s.Links {
		if all := g.Status(); len(all) > 0 {
			link = max(link, all[0].Throughput)
		}
	}
	return sooner(whole, delta, link, s.rate.get())
}

// sooner compares the times of a delta and of the whole, at rates in bytes a second; an
// unknown link is taken for a fast one.
func sooner(whole, delta int64, link, rebuild float64) bool {
	return link > 0 && float64(delta)/link+float64(whole)/rebuild < float64(whole)/link
}

// rebuild applies the delta while it comes.
func (s *Shortcut) rebuild(ctx context.Context, base file, body *upstream.Body, ref repo.Ref) io.ReadCloser {
	ctx, cancel := context.WithCancel(ctx)
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		began := time.Now()
		err := delta.Apply(ctx, w, base, body, delta.Options{MaxTarget: ref.Size})
		if err == nil {
			s.rate.note(ref.Size, time.Since(began))
		}
		_ = w.CloseWithError(err) // nil is io.EOF
		_ = errors.Join(base.Close(), body.Close())
	}()
	return &rebuilt{PipeReader: r, end: sync.OnceFunc(func() {
		cancel()
		_ = errors.Join(r.Close(), body.Close())
		<-done
	})}
}

// rebuilt is what Apply writes.
type rebuilt struct {
	*io.PipeReader
	end func()
}

// Close ends the rebuilding, and waits for that.
func (r *rebuilt) Close() error {
	r.end()
	return nil
}

// pace is bytes a second, as they were of late.
type pace struct {
	mu  sync.Mutex
	bps float64 // guarded by mu; 0 = not measured
}

func (p *pace) get() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bps == 0 {
		return firstRate
	}
	return p.bps
}

// note takes a quarter of the new figure.
func (p *pace) note(n int64, took time.Duration) {
	if took <= 0 {
		return
	}
	now := float64(n) / took.Seconds()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bps == 0 {
		p.bps = now
		return
	}
	p.bps += (now - p.bps) / 4
}
