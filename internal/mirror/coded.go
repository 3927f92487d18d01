package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/dcz"
	"mirrord/internal/digest"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

const (
	// codingsMost is how many differences are made at once. Each takes a core for half a
	// second for Debian's Packages, and memory for three and a half times their size.
	codingsMost = 1
	// codingFor is how long a client waits for one that is being made, from when it asked.
	codingFor = 10 * time.Second
	// unfitKept bounds what is remembered of differences that are not worth making.
	unfitKept = 4 << 10
)

// codings are the differences that are made. They are kept in the store as entries,
// under a name that no repository has.
type codings struct {
	making singleflight.Group // by entry
	slots  chan struct{}
	encode func(dictionary []byte, named digest.Digest, content []byte, most int) ([]byte, error)
	unfit  *lru.Cache[string, struct{}] // entries
}

func newCodings() codings {
	unfit, _ := lru.New[string, struct{}](unfitKept)
	return codings{slots: make(chan struct{}, codingsMost), encode: dcz.Encode, unfit: unfit}
}

// errNoSlot: as many differences are being made as may be.
var errNoSlot = errors.New("no difference more is made now")

// coding is the entry of a difference.
func coding(dictionary, content digest.Digest) string {
	return "dcz:" + dictionary.Hex() + ":" + content.Hex()
}

// Coded gives the answer as a difference to a dictionary, nil where it is to be given as
// it is: the dictionary is no earlier state of the file, or is not stored; a difference is
// not worth it, cannot be made now, or takes long. Where peek is set none is made. The
// Answer stays open; the other is the caller's to close as well.
func (a *Answer) Coded(ctx context.Context, dictionary digest.Digest, peek bool) *Answer {
	k := a.kin
	if k == nil || !a.Whole() || !k.had(dictionary) {
		return nil
	}
	m := k.r.m
	name := coding(dictionary, a.Digest)
	c := m.coding(name)
	if c == nil && !peek && !m.codings.unfit.Contains(name) {
		if err := k.makeCoding(ctx, name, dictionary, a); err == nil {
			c = m.coding(name)
		}
	}
	if c == nil {
		return nil
	}
	c.Meta = cache.Meta{LastModified: a.LastModified, ContentType: a.ContentType}
	return &Answer{Content: c, Coding: dcz.Coding, Strong: true, Stale: a.Stale, Validated: a.Validated}
}

// coding opens a difference that is stored, nil where it is not.
func (m *Mirror) coding(name string) *cache.Content {
	e, ok := m.store.Entry(name)
	if !ok {
		return nil
	}
	c, err := m.store.Object(e.Digest)
	if err != nil {
		return nil
	}
	return c
}

// makeCoding has a difference made and stored, once for all who ask for it meanwhile.
func (k *kin) makeCoding(ctx context.Context, name string, dictionary digest.Digest, a *Answer) error {
	m := k.r.m
	content, most := a.Digest, k.most(a.Size)
	made := make(chan error, 1)
	m.wg.Go(func() {
		_, err, _ := m.codings.making.Do(name, func() (any, error) { return nil, k.code(name, dictionary, content, most) })
		made <- err
	})
	late := time.NewTimer(codingFor)
	defer late.Stop()
	select {
	case err := <-made:
		return err
	case <-late.C:
		return cache.ErrPatience
	case <-ctx.Done():
		return ctx.Err()
	}
}

// code makes a difference and stores it.
func (k *kin) code(name string, dictionary, content digest.Digest, most int64) error {
	m := k.r.m
	select {
	case m.codings.slots <- struct{}{}:
		defer func() { <-m.codings.slots }()
	default:
		return errNoSlot
	}
	if m.coding(name) != nil {
		return nil // another was quicker
	}
	coded, err := m.difference(dictionary, content, most)
	if err == nil {
		var d digest.Digest
		if d, err = m.store.Put(k.r.Name, coded, cache.Meta{}); err == nil {
			return m.store.Name(name, cache.Entry{Digest: d})
		}
	}
	if errors.Is(err, dcz.ErrTooLarge) {
		m.codings.unfit.Add(name, struct{}{})
	} else if m.ctx.Err() == nil {
		m.log.Warn("a difference cannot be made", "repo", k.r.Name, "path", k.plan.Path, "err", err)
	}
	return err
}

func (m *Mirror) difference(dictionary, content digest.Digest, most int64) ([]byte, error) {
	old, err := m.whole(dictionary)
	if err != nil {
		return nil, err
	}
	now, err := m.whole(content)
	if err != nil {
		return nil, err
	}
	if !dcz.Fits(int64(len(old)), int64(len(now))) {
		return nil, fmt.Errorf("%w: %d bytes do not fit a dictionary of %d", dcz.ErrTooLarge, len(now), len(old))
	}
	return m.codings.encode(old, dictionary, now, int(most))
}

// whole reads a stored object that may be coded. One whose bytes are not right any more is
// removed.
func (m *Mirror) whole(d digest.Digest) ([]byte, error) {
	c, err := m.store.Object(d)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if c.Size > dcz.MaxSize {
		return nil, fmt.Errorf("%w: %d bytes, expected at most %d", dcz.ErrTooLarge, c.Size, dcz.MaxSize)
	}
	data := make([]byte, c.Size)
	if _, err := io.ReadFull(c, data); err != nil {
		return nil, err
	}
	if digest.Of(data) != d {
		if err := m.store.Verify(m.ctx, d, nil); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %s", cache.ErrRotten, d)
	}
	return data, nil
}
