package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/upstream"
)

// ErrUnfit reports an answer of upstream that is not what was asked for.
var ErrUnfit = errors.New("upstream's answer is not usable")

// document is a Source of a small file that is read whole and looked at before
// anybody has a byte of it: a manifest, a list.
type document struct {
	w      wish
	path   string // below the repository
	query  string
	accept string
	most   int64                                                        // bytes
	check  func(data []byte, contentType string) (is string, err error) // is: the type it proves to be
	digest digest.Digest                                                // what it must be, "" where upstream decides
	seen   cache.Entry                                                  // what is stored, zero for nothing
	byHead bool                                                         // a HEAD tells whether seen still holds

	mu   sync.Mutex
	from string // the mirror that gave it; guarded by mu
}

// Open always answers from the start: the file is small.
func (d *document) Open(ctx context.Context, _ int64, _ cache.Meta) (*cache.Incoming, error) {
	path, want := d.path, d.digest
	if d.byHead && d.seen.Digest != "" {
		ask := d.ask(path)
		ask.Query = ""
		switch info, err := d.w.r.Upstream.Head(ctx, ask); {
		case saidStatus(err, 405, 501): // then by a conditional GET
		case err != nil:
			return nil, err
		case info.Digest == d.seen.Digest:
			return nil, cache.ErrNotModified
		case info.Digest != "":
			path, want = "manifests/"+string(info.Digest), info.Digest
		}
	}
	in, err := d.fetch(ctx, path, want)
	if path != d.path && absent(err) { // it has moved on since, or upstream's parts differ
		in, err = d.fetch(ctx, d.path, d.digest)
	}
	return in, err
}

// fetch asks mirror after mirror, as long as what they give is of no use.
func (d *document) fetch(ctx context.Context, path string, want digest.Digest) (in *cache.Incoming, err error) {
	for range d.w.r.Upstream.Mirrors() {
		if in, err = d.get(ctx, path, want); !errors.Is(err, ErrUnfit) && !errors.Is(err, cache.ErrMismatch) {
			break
		}
	}
	return in, err
}

func (d *document) ask(path string) upstream.Request {
	ask := d.w.ask(path)
	ask.Accept, ask.Query = d.accept, d.query
	if d.seen.Digest != "" && d.w.allowedOnce() {
		ask.Patience = patience
	}
	return ask
}

// get asks once. A mirror that gives something else is blamed.
func (d *document) get(ctx context.Context, path string, want digest.Digest) (*cache.Incoming, error) {
	ask := d.ask(path)
	if path == d.path {
		ask.Unless = validator(d.seen.Meta)
	}
	body, err := d.w.r.Upstream.Open(ctx, ask)
	if errors.Is(err, upstream.ErrNotModified) {
		return nil, cache.ErrNotModified
	}
	if err != nil {
		return nil, err
	}
	defer body.Close()
	d.mu.Lock()
	d.from = body.Mirror
	d.mu.Unlock()
	data, err := readWhole(body, d.most)
	if errors.Is(err, errTooLarge) || errors.Is(err, upstream.ErrChanged) { // it is not of the size announced
		return nil, d.Reject(fmt.Errorf("%w: %w", ErrUnfit, err))
	}
	if err != nil {
		return nil, err
	}
	if want == "" {
		want = body.Digest
	}
	if err := proves(data, want); err != nil {
		return nil, d.Reject(err)
	}
	is, err := d.check(data, body.ContentType)
	if err != nil {
		return nil, d.Reject(fmt.Errorf("%w: %w", ErrUnfit, err))
	}
	return &cache.Incoming{
		Body: io.NopCloser(bytes.NewReader(data)), Size: int64(len(data)), Framed: true,
		Meta: cache.Meta{ETag: body.Validator.ETag, LastModified: body.Validator.LastModified, ContentType: is, Link: body.Link},
	}, nil
}

// Reject blames the mirror, and names it.
func (d *document) Reject(reason error) error {
	d.mu.Lock()
	from := d.from
	d.mu.Unlock()
	d.w.r.Upstream.Blame(from, reason)
	return fmt.Errorf("%s: %s: %w", d.w.r.Name, from, reason)
}

// proves compares data with the digest that it must have, "" for any.
func proves(data []byte, want digest.Digest) error {
	if want == "" {
		return nil
	}
	h := want.NewHash()
	h.Write(data)
	if got := digest.FromSum(want.Algorithm(), h.Sum(nil)); got != want {
		return fmt.Errorf("%w: the digest is %s, expected %s", cache.ErrMismatch, got, want)
	}
	return nil
}

var errTooLarge = errors.New("it is too large")

// readWhole reads all there is, or errTooLarge.
func readWhole(r io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(data)) > most {
		return nil, fmt.Errorf("%w: more than %d bytes", errTooLarge, most)
	}
	return data, err
}
