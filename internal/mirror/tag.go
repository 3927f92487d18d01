package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/repo/oci"
	"mirrord/internal/upstream"
)

// openTag serves the manifest that a tag leads to. A HEAD is answered the same
// way: clients that begin with one ask for the manifest by its digest next.
func (w wish) openTag(ctx context.Context) (*Answer, error) {
	path, name := "manifests/"+w.tag, w.entry(":"+w.tag)
	news := w.r.gone(w.key(path)) == nil
	a, err := w.openNamed(ctx, path, name, func(seen cache.Entry) cache.Source {
		return &document{
			w: w, path: path, seen: seen, byHead: true,
			accept: oci.AcceptManifests, most: oci.ManifestMost, check: checkManifest,
		}
	})
	if absent(err) {
		a, err = w.goneTag(name, news, err)
	}
	if err != nil {
		return nil, err
	}
	if a.Digest == "" { // it could not be stored
		data, err := reread(a.Content)
		if err != nil {
			return nil, errors.Join(err, a.Close())
		}
		a.Digest = digest.Of(data)
	}
	w.digest = a.Digest
	w.noteHeld(cache.Meta{ContentType: a.ContentType})
	return w.manifest(a.Content, a)
}

// goneTag is what becomes of a tag that upstream has no more; news tells that it has
// just said so.
func (w wish) goneTag(name string, news bool, gone error) (*Answer, error) {
	f := w.mutable(name)
	e, known := f.entry()
	if !known || w.r.Gone == GoneDeny || !w.allowedOnce() {
		return nil, gone
	}
	a, err := f.stored(e)
	if err != nil {
		return nil, gone
	}
	if w.r.Gone == GoneWarn && news {
		w.r.m.log.Warn("a tag is served that upstream has no more", "repo", w.r.Name, "image", w.repository+":"+w.tag)
	}
	a.Stale = "gone upstream"
	return a, nil
}

// openManifest serves a manifest by its digest.
func (w wish) openManifest(ctx context.Context) (*Answer, error) {
	path := "manifests/" + string(w.digest)
	c, err := w.fetch(ctx, path, cache.Want{
		Name: w.entry("@" + string(w.digest)), Digest: w.digest, Size: -1, Account: w.r.Name,
		Source: &document{
			w: w, path: path, digest: w.digest,
			accept: oci.AcceptManifests, most: oci.ManifestMost, check: checkManifest,
		},
	}, func() { w.given(w.digest) })
	if err != nil {
		return nil, err
	}
	c.Meta = cache.Meta{} // of another repository, or of a blob
	if e, ok := w.r.m.store.Entry(w.entry("@" + string(w.digest))); ok {
		c.Meta = e.Meta
	}
	return w.manifest(c, &Answer{})
}

// manifest labels c as the manifest that it is.
func (w wish) manifest(c *cache.Content, a *Answer) (*Answer, error) {
	a.Content, a.Strong, a.Named = c, true, w.digest
	kind, mentions := c.ContentType, w.r.access.mentions
	c.Meta = cache.Meta{ContentType: kind}
	known := oci.IsManifestType(kind)
	if known && mentions.read.Contains(heldKey{w.repository, w.digest}) {
		return a, nil
	}
	m, err := parseManifest(c)
	if err == nil {
		mentions.note(w.repository, w.digest, m)
	}
	if known {
		return a, nil
	}
	if err != nil {
		c.Close()
		return nil, &oci.Error{Code: oci.CodeManifestUnknown, Status: 404, Message: fmt.Sprintf("%s: %s is no manifest", w.repository, w.digest)}
	}
	c.ContentType = m.MediaType
	w.noteHeld(c.Meta)
	return a, nil
}

func parseManifest(c *cache.Content) (oci.Manifest, error) {
	data, err := reread(c)
	if err != nil {
		return oci.Manifest{}, err
	}
	return oci.ParseManifest(data, "")
}

// reread reads what is to be a manifest and goes back to its start.
func reread(c *cache.Content) ([]byte, error) {
	if c.Size > oci.ManifestMost { // a layer, most likely: it is not read to see that
		return nil, errTooLarge
	}
	data, err := readWhole(c, oci.ManifestMost)
	_, serr := c.Seek(0, io.SeekStart)
	return data, errors.Join(err, serr)
}

// checkManifest is a document's check.
func checkManifest(data []byte, contentType string) (string, error) {
	m, err := oci.ParseManifest(data, contentType)
	return m.MediaType, err
}

func (w wish) mutable(name string) mutable {
	return mutable{
		store: w.r.m.store, now: w.r.m.now, name: name, account: w.r.Name,
		fresh: w.r.Fresh, patience: patienceWith(w.r.Upstream, w.Edge), final: w.final,
	}
}

// final reports an error of upstream that the client may have nothing stale for.
func (w wish) final(err error) bool {
	return absent(err) || denied(err) && !w.shared() || !w.allowedOnce()
}

// openNamed serves what upstream may change under its name, to who may read the
// repository: who did not ask upstream itself of late does so now.
func (w wish) openNamed(ctx context.Context, path, name string, from func(cache.Entry) cache.Source) (*Answer, error) {
	key := w.key(path)
	for range fetchTries {
		if err := w.r.gone(key); err != nil {
			return nil, err
		}
		var mine *own
		f := w.mutable(name)
		if w.tag != "" && w.Kind == oci.KindManifest {
			f.moved = func(d digest.Digest) { w.moved(ctx, d) }
		}
		f.source = func(seen cache.Entry) cache.Source {
			mine = &own{Source: from(seen), given: func() { w.given("") }, refused: func(err error) { w.refuse(key, err) }}
			return mine
		}
		if !w.allowed() {
			f.fresh = 0
		}
		if !w.allowedOnce() {
			f.patience = 0 // there is nothing stale for this client
		}
		a, err := f.open(ctx)
		asked := mine != nil && mine.asked.Load()
		switch {
		case err == nil && (w.allowed() || a.Stale != "" && w.allowedOnce()):
			return a, nil
		case err != nil && (asked || !others(ctx, err)):
			return nil, err
		}
		// It is another client's answer.
		seen, _ := f.entry()
		if perr := w.askNamed(ctx, path, from(seen)); perr != nil {
			return nil, errors.Join(perr, closeAnswer(a))
		}
		if err == nil {
			return a, nil
		}
	}
	return nil, errOthers
}

// askNamed has the client itself ask upstream for what others were given.
func (w wish) askNamed(ctx context.Context, path string, from cache.Source) error {
	old := w.allowedOnce()
	info, err := upstream.Info{}, error(nil)
	if w.Kind == oci.KindManifest {
		info, err = w.head(ctx, path, old)
	}
	// A page that says 200 to whoever asks proves nothing.
	if info.Digest == "" && err == nil || saidStatus(err, 405, 501) {
		_, err = w.question(ctx, "GET", w.key(path), func(ctx context.Context) (upstream.Info, error) {
			in, err := from.Open(ctx, 0, cache.Meta{})
			switch {
			case errors.Is(err, cache.ErrNotModified):
				return upstream.Info{}, nil
			case err != nil:
				return upstream.Info{}, err
			}
			return upstream.Info{}, in.Body.Close()
		})
	}
	switch {
	case err == nil:
		w.given("")
	case old && !refused(err) && ctx.Err() == nil:
		return nil
	}
	return err
}

func closeAnswer(a *Answer) error {
	if a == nil {
		return nil
	}
	return a.Close()
}
