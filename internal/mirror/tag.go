package mirror

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/repo/oci"
)

// openTag serves the manifest that a tag leads to. A HEAD is answered the same
// way: clients that begin with one ask for the manifest by its digest next.
func (w wish) openTag(ctx context.Context) (*Answer, error) {
	path, name := "manifests/"+w.tag, w.entry(":"+w.tag)
	a, err := w.openNamed(ctx, path, name, func(seen cache.Entry) cache.Source {
		return &document{
			w: w, path: path, seen: seen, byHead: true,
			accept: oci.AcceptManifests, most: oci.ManifestMost, check: checkManifest,
		}
	})
	if absent(err) {
		a, err = w.goneTag(name, err)
	}
	if err != nil {
		return nil, err
	}
	if a.Digest == "" { // it could not be stored
		a.Digest = digest.Of(a.Bytes())
	}
	w.digest = a.Digest
	w.noteHeld(cache.Meta{ContentType: a.ContentType})
	return w.manifest(a.Content, a)
}

// goneTag is what becomes of a tag that upstream has no more.
func (w wish) goneTag(name string, gone error) (*Answer, error) {
	f := w.mutable(name)
	e, known := f.entry()
	if !known || w.r.Gone == GoneDeny || !w.allowedOnce() {
		return nil, gone
	}
	a, err := f.stored(e)
	if err != nil {
		return nil, gone
	}
	if w.r.Gone == GoneWarn {
		w.r.m.log.Warn("a tag is served that upstream has no more", "repo", w.r.Name, "image", w.repository+":"+w.tag)
	}
	a.Stale = "gone upstream"
	return a, nil
}

// openManifest serves a manifest by its digest.
func (w wish) openManifest(ctx context.Context) (*Answer, error) {
	path := "manifests/" + string(w.digest)
	c, err := w.fetch(ctx, path, cache.Want{
		Name: w.entry("@" + string(w.digest)), Digest: w.digest, Size: -1,
		Source: &document{
			w: w, path: path, digest: w.digest,
			accept: oci.AcceptManifests, most: oci.ManifestMost, check: checkManifest,
		},
	})
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
	kind := c.ContentType
	c.Meta = cache.Meta{ContentType: kind}
	if slices.Contains(strings.Split(oci.AcceptManifests, ", "), kind) {
		return a, nil
	}
	m, err := parseManifest(c)
	if err != nil {
		c.Close()
		return nil, &oci.Error{Code: oci.CodeManifestUnknown, Status: 404, Message: fmt.Sprintf("%s: %s is no manifest", w.repository, w.digest)}
	}
	c.ContentType = m.MediaType
	w.noteHeld(c.Meta)
	return a, nil
}

// parseManifest reads c and goes back to its start.
func parseManifest(c *cache.Content) (oci.Manifest, error) {
	data, err := readWhole(c, oci.ManifestMost)
	if err == nil {
		_, err = c.Seek(0, io.SeekStart)
	}
	if err != nil {
		return oci.Manifest{}, err
	}
	return oci.ParseManifest(data, "")
}

// checkManifest is a document's check.
func checkManifest(data []byte, contentType string) (string, error) {
	m, err := oci.ParseManifest(data, contentType)
	return m.MediaType, err
}

func (w wish) mutable(name string) mutable {
	return mutable{
		store: w.r.m.store, now: w.r.m.now, name: name,
		fresh: w.r.Fresh, patience: patienceWith(w.r.Upstream), final: w.final,
	}
}

// final reports an error of upstream that the client may have nothing stale for.
func (w wish) final(err error) bool {
	return absent(err) || denied(err) && !w.shared() || !w.allowedOnce()
}

// openNamed serves what upstream may change under its name, to who may read the
// repository: who did not ask upstream itself of late does so now.
func (w wish) openNamed(ctx context.Context, path, name string, from func(cache.Entry) cache.Source) (*Answer, error) {
	if err := w.r.gone(w.key(path)); err != nil {
		return nil, err
	}
	for range fetchTries {
		var mine *own
		f := w.mutable(name)
		f.source = func(seen cache.Entry) cache.Source {
			mine = &own{Source: from(seen), given: func() { w.given("") }}
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
		case err == nil:
			a.Close() // another client's answer
		case refused(err) && asked:
			w.r.forbear(w.key(path), err)
			return nil, err
		case !refused(err):
			return nil, err
		}
	}
	return nil, errOthers
}
