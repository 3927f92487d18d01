package mirror

import (
	"context"
	"fmt"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/repo/oci"
	"mirrord/internal/upstream"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

const (
	// allowedFor is how long upstream's word that somebody may read a repository
	// is not asked for again: a CI run, and the time a withdrawn password works on.
	allowedFor = 5 * time.Minute
	// allowedStale is how long it counts where upstream cannot be asked. What may
	// be read without credentials may be read without end.
	allowedStale = time.Hour
	// readersKept and heldKept bound what is remembered of who reads what, at about
	// 150 bytes each.
	readersKept = 16 << 10
	heldKept    = 64 << 10
)

// access remembers who may read which repository, and what is in it. A hit is
// answered only where upstream would have answered the same client.
type access struct {
	r        *registry
	readers  *lru.Cache[reader, time.Time] // when upstream last said yes
	held     *lru.Cache[heldKey, struct{}] // what upstream has shown to be in a repository
	mentions mentions
	asking   *singleflight.Group
}

// reader is somebody in a repository.
type reader struct {
	repository string
	who        string // Login.Mark
}

type heldKey struct {
	repository string
	digest     digest.Digest
}

func newAccess(r *registry) access {
	readers, _ := lru.New[reader, time.Time](readersKept)
	held, _ := lru.New[heldKey, struct{}](heldKept)
	return access{r: r, readers: readers, held: held, mentions: newMentions(), asking: new(singleflight.Group)}
}

func (w wish) reader() reader { return reader{w.repository, w.Login.Mark()} }

// allowed reports that the client may read the repository by what upstream said
// of late.
func (w wish) allowed() bool {
	at, ok := w.r.access.readers.Get(w.reader())
	return w.shared() || ok && w.r.m.now().Sub(at) < allowedFor
}

// allowedOnce reports the same by what upstream said at all, for when it cannot
// be asked.
func (w wish) allowedOnce() bool {
	at, ok := w.r.access.readers.Get(w.reader())
	if w.shared() || ok && w.r.m.now().Sub(at) < allowedStale {
		return true
	}
	return w.r.access.readers.Contains(reader{repository: w.repository}) || w.r.public(w.repository)
}

// given notes that upstream let the client have something of the repository, and
// which object that was, where that is known.
func (w wish) given(d digest.Digest) {
	if d != "" {
		w.r.access.held.Add(heldKey{w.repository, d}, struct{}{})
	}
	if w.shared() {
		return
	}
	w.r.access.readers.Add(w.reader(), w.r.m.now())
	if w.Login.IsZero() {
		w.r.notePublic(w.repository)
	}
}

// key names the client's question for a path below the repository.
func (w wish) key(path string) string {
	return fmt.Sprintf("%s/%s %s", w.repository, path, w.Login.Mark())
}

// refused reports upstream's no, which may be meant for who asked only.
func refused(err error) bool { return absent(err) || denied(err) }

// holds reports that the object is in the repository.
func (w wish) holds(d digest.Digest) bool {
	if _, ok := w.r.m.store.Entry(w.entry("@" + string(d))); ok {
		return true
	}
	return w.r.access.held.Contains(heldKey{w.repository, d})
}

// admit finds out whether the client may have the object of that size, asking
// upstream at path where that is not known. path is below the repository.
func (w wish) admit(ctx context.Context, path string, size int64) error {
	holds := w.holds(w.digest)
	if holds && w.allowed() {
		return nil
	}
	old := holds && w.allowedOnce()
	info, err := w.head(ctx, path, old)
	if err == nil && info.Digest != w.digest && (info.Digest != "" || info.Size < 0 || info.Size != size) {
		err = fmt.Errorf("%w: %s: %s says yes, but neither digest nor size", ErrUnfit, w.r.Name, info.Mirror)
	}
	switch {
	case err == nil:
		w.given(w.digest)
		w.noteHeld(cache.Meta{})
		return nil
	case old && !refused(err) && ctx.Err() == nil:
		return nil
	}
	return err
}

// head asks upstream for the header at path; old says that there is something
// stale for the client.
func (w wish) head(ctx context.Context, path string, old bool) (upstream.Info, error) {
	ask := w.ask(path)
	if w.Kind == oci.KindManifest { // without it registries deny that they have the manifest
		ask.Accept = oci.AcceptManifests
	}
	if old {
		ask.Patience = patience
	}
	return w.question(ctx, "HEAD", w.key(path), func(ctx context.Context) (upstream.Info, error) {
		return w.r.Upstream.Head(ctx, ask)
	})
}

// question has ask called once for all who put the same question at a time, and
// notes where the answer is no. key is of the path, whichever the method.
func (w wish) question(ctx context.Context, method, key string, ask func(context.Context) (upstream.Info, error)) (upstream.Info, error) {
	if err := w.r.gone(key); err != nil {
		return upstream.Info{}, err
	}
	answer := w.r.access.asking.DoChan(method+" "+key, func() (any, error) { return ask(w.r.m.ctx) })
	select {
	case got := <-answer:
		if refused(got.Err) {
			w.refuse(key, got.Err)
		}
		return got.Val.(upstream.Info), got.Err
	case <-ctx.Done():
		return upstream.Info{}, ctx.Err()
	}
}

// refuse notes upstream's no. It ends the yes of before, too.
func (w wish) refuse(key string, err error) {
	w.r.forbear(key, err)
	if !denied(err) || w.shared() {
		return
	}
	w.r.access.readers.Remove(w.reader())
	if w.Login.IsZero() {
		w.r.forgetPublic(w.repository)
	}
}

// noteHeld writes down that the object is in the repository, where it is stored.
// That it cannot be written costs a question to upstream later.
func (w wish) noteHeld(meta cache.Meta) {
	name := w.entry("@" + string(w.digest))
	if e, ok := w.r.m.store.Entry(name); ok && (e.Meta == meta || meta == cache.Meta{}) {
		return
	}
	if err := w.r.m.store.Name(name, cache.Entry{Digest: w.digest, Meta: meta}); err != nil {
		w.r.m.log.Warn("cannot note what a repository holds", "repo", w.r.Name, "err", err)
	}
}
