package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/delta"
	"mirrord/internal/digest"
	"mirrord/internal/mirror"
	"mirrord/internal/repo"
	"mirrord/internal/repo/oci"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// deltasAccount pays for the deltas that a hub keeps; they are evicted as all else is.
	deltasAccount = "fleet deltas"
	// poorKept bounds the memory of pairs that are not alike, about 300 bytes each.
	poorKept = 16 << 10
	// worthOf is the part of the whole, in percent, above which a delta saves less
	// than it costs.
	worthOf = 80
)

// errNoDelta: there is none, or there will not be one in time. The whole object is there.
var errNoDelta = errors.New("no delta")

// Deltas makes what tells a new version from an older one, once, and keeps it in the
// store: each further edge costs no more than a small file does.
type Deltas struct {
	store  *cache.Store
	mirror *mirror.Mirror
	slots  chan struct{} // one taken by each that is being made
	poor   *lru.Cache[string, struct{}]
}

// deltasAtOnce bounds the deltas that are being made: each takes a core, up to 300 MiB of
// memory and, in the system's directory for temporary files, as much room as both
// objects unpacked.
const deltasAtOnce = 1

// NewDeltas makes Deltas of what m serves from store.
func NewDeltas(store *cache.Store, m *mirror.Mirror) *Deltas {
	poor, _ := lru.New[string, struct{}](poorKept)
	return &Deltas{store: store, mirror: m, slots: make(chan struct{}, deltasAtOnce), poor: poor}
}

// question asks for a delta from one of bases to the object that ref names in repo.
type question struct {
	repo  string
	ref   repo.Ref        // of a registry REPOSITORY@DIGEST is the path; the size is not told
	bases []digest.Digest // the edge's, the likeliest first
	wait  time.Duration   // for one that is not made yet; what is begun is made to its end
}

// open gives the delta and the base it needs; errNoDelta where the whole is better. Both
// sides must be what this very repository has, or had, for the path and its older
// versions: a delta tells what is in its base.
func (d *Deltas) open(ctx context.Context, q question) (*cache.Content, digest.Digest, error) {
	if err := d.named(ctx, q); err != nil {
		return nil, "", fmt.Errorf("%w: %w", errNoDelta, err)
	}
	if q.wait > 0 && !d.store.Has(q.ref.Digest) {
		if err := d.fetch(ctx, q); err != nil {
			return nil, "", err
		}
	}
	target, err := d.store.Stat(q.ref.Digest)
	if errors.Is(err, cache.ErrNotStored) {
		return nil, "", errNoDelta
	}
	if err != nil {
		return nil, "", err
	}
	q.ref.Size = target.Size
	base, err := d.base(ctx, q)
	if err != nil {
		return nil, "", err
	}
	name := deltaName(base, q.ref.Digest)
	if d.poor.Contains(name) {
		return nil, "", errNoDelta
	}
	c, err := d.store.Get(ctx, cache.Want{
		Name: name, Size: -1, Account: deltasAccount, Patience: max(q.wait, time.Millisecond),
		Source: &making{d: d, name: name, base: base, target: q.ref.Digest},
	})
	switch {
	case errors.Is(err, cache.ErrPatience):
		return nil, "", fmt.Errorf("%w yet", errNoDelta)
	case errors.Is(err, delta.ErrNotWorth):
		return nil, "", errNoDelta
	case err != nil && ctx.Err() == nil: // the whole may be had all the same
		slog.Warn("a delta could not be made", "repo", q.repo, "path", q.ref.Path, "err", err)
		return nil, "", errNoDelta
	}
	return c, base, err
}

// deltaName is the delta's in the store; no repository can be called so.
func deltaName(base, target digest.Digest) string {
	return "delta:" + string(base) + ".." + string(target)
}

// named checks that the repository has the target, as an edge without credentials of
// its own may see it.
func (d *Deltas) named(ctx context.Context, q question) error {
	a, err := d.ask(ctx, q, true)
	if err != nil {
		return err
	}
	defer a.Close()
	if a.Digest != q.ref.Digest && a.Named != q.ref.Digest {
		return fmt.Errorf("%s has another object there", q.repo)
	}
	return nil
}

// fetch has the store have the target, as clients would.
func (d *Deltas) fetch(ctx context.Context, q question) error {
	a, err := d.ask(ctx, q, false)
	if err != nil {
		return err
	}
	defer a.Close()
	_, err = io.Copy(io.Discard, a)
	return err
}

// ask has the mirror answer for the target.
func (d *Deltas) ask(ctx context.Context, q question, head bool) (*mirror.Answer, error) {
	repository, _, image := strings.Cut(q.ref.Path, "@")
	if !image {
		return d.mirror.Open(ctx, mirror.Request{Repo: q.repo, Path: q.ref.Path, Head: head})
	}
	req, err := oci.ParseRequest(http.MethodGet, "/v2/"+repository+"/blobs/"+string(q.ref.Digest), "ns="+url.QueryEscape(q.repo))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoDelta, err)
	}
	return d.mirror.Pull(ctx, mirror.Pull{Request: req, Head: head})
}

// base is the likeliest of the edge's that is here too.
func (d *Deltas) base(ctx context.Context, q question) (digest.Digest, error) {
	have, err := d.mirror.Forebears(ctx, q.repo, q.ref)
	if err != nil {
		return "", err
	}
	for _, b := range q.bases {
		if slices.ContainsFunc(have, func(o mirror.Object) bool { return o.Digest == b }) {
			return b, nil
		}
	}
	return "", errNoDelta
}

// making is a Source whose bytes are the delta.
type making struct {
	d            *Deltas
	name         string
	base, target digest.Digest
}

func (m *making) Open(ctx context.Context, _ int64, _ cache.Meta) (*cache.Incoming, error) {
	select {
	case m.d.slots <- struct{}{}:
		defer func() { <-m.d.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	out, err := os.CreateTemp("", "mirrord-delta-*")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.Remove(out.Name()), m.make(ctx, out)); err != nil {
		return nil, errors.Join(err, out.Close())
	}
	size, err := out.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = out.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return &cache.Incoming{Body: out, Size: size, Framed: true}, nil
}

func (m *making) make(ctx context.Context, out *os.File) error {
	base, err := content(m.d.store, m.base)
	if err != nil {
		return err
	}
	defer base.Close()
	target, err := content(m.d.store, m.target)
	if err != nil {
		return err
	}
	defer target.Close()
	_, err = delta.Make(ctx, out, base, target, delta.Options{MaxDelta: target.Size() * worthOf / 100})
	if errors.Is(err, delta.ErrNotWorth) {
		m.d.poor.Add(m.name, struct{}{})
	}
	return err
}

// file is a stored object's.
type file struct {
	*os.File
	size int64
}

func (f file) Size() int64 { return f.size }

func content(s *cache.Store, d digest.Digest) (file, error) {
	f, size, err := s.File(d)
	return file{f, size}, err
}

// Reject keeps the reason: there is nobody else to ask.
func (m *making) Reject(reason error) error { return reason }
