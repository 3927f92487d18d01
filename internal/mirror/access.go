package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
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
	// publicKept bounds the repositories that are written down as public.
	publicKept = 64 << 10
	// publicAgain is how old that note may get before it is written anew.
	publicAgain = time.Hour
)

// access remembers who may read which repository, and what is in it. A hit is
// answered only where upstream would have answered the same client.
type access struct {
	r       *registry
	readers *lru.Cache[reader, time.Time] // when upstream last said yes
	held    *lru.Cache[heldKey, struct{}] // what upstream has shown to be in a repository
	asking  *singleflight.Group
}

// reader is somebody in a repository.
type reader struct {
	repository string
	who        identity
}

type heldKey struct {
	repository string
	digest     digest.Digest
}

// identity tells logins apart without keeping them; zero is nobody.
type identity [sha256.Size]byte

func identify(l upstream.Login) identity {
	if l.IsZero() {
		return identity{}
	}
	h := sha256.New()
	for _, s := range []string{l.Username, l.Password, l.IdentityToken, l.Bearer} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return identity(h.Sum(nil))
}

func newAccess(r *registry) access {
	readers, _ := lru.New[reader, time.Time](readersKept)
	held, _ := lru.New[heldKey, struct{}](heldKept)
	return access{r: r, readers: readers, held: held, asking: new(singleflight.Group)}
}

func (w wish) reader() reader { return reader{w.repository, identify(w.Login)} }

// allowed reports that the client may read the repository by what upstream said
// of late.
func (w wish) allowed() bool {
	at, ok := w.r.access.readers.Get(w.reader())
	return w.shared() || ok && w.r.m.now().Sub(at) < allowedFor
}

// allowedOnce reports the same by what upstream said at all, for when it cannot
// be asked.
func (w wish) allowedOnce() bool {
	if w.shared() {
		return true
	}
	at, ok := w.r.access.readers.Get(w.reader())
	if w.Login.IsZero() {
		return ok || w.r.public(w.repository)
	}
	return ok && w.r.m.now().Sub(at) < allowedStale
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
	return fmt.Sprintf("%s/%s %x", w.repository, path, identify(w.Login))
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

// admit finds out whether the client may have the object, asking upstream at path
// where that is not known. path is below the repository.
func (w wish) admit(ctx context.Context, path string) error {
	holds := w.holds(w.digest)
	if holds && w.allowed() {
		return nil
	}
	key := w.key(path)
	if err := w.r.gone(key); err != nil {
		return err
	}
	ask := w.ask(path)
	old := holds && w.allowedOnce()
	if old {
		ask.Patience = patience
	}
	answer := w.r.access.asking.DoChan(key, func() (any, error) {
		_, err := w.r.Upstream.Head(w.r.m.ctx, ask)
		return nil, err
	})
	var err error
	select {
	case got := <-answer:
		err = got.Err
	case <-ctx.Done():
		return ctx.Err()
	}
	switch {
	case err == nil:
		w.given(w.digest)
		w.noteHeld(cache.Meta{})
		return nil
	case refused(err):
		w.r.forbear(key, err)
	case old:
		return nil
	}
	return err
}

// noteHeld writes down that the object is in the repository, where it is stored.
// That it cannot be written costs a question to upstream later.
func (w wish) noteHeld(meta cache.Meta) {
	name := w.entry("@" + string(w.digest))
	if e, ok := w.r.m.store.Entry(name); ok && e.Meta == meta {
		return
	}
	if err := w.r.m.store.Name(name, cache.Entry{Digest: w.digest, Meta: meta}); err != nil {
		w.r.m.log.Warn("cannot note what a repository holds", "repo", w.r.Name, "err", err)
	}
}

func (r *registry) publicTable() string { return "public/" + r.Name }

// public reports that the repository could be read without credentials once.
func (r *registry) public(repository string) (ok bool) {
	r.m.store.View(func(tx cache.Tx) error {
		ok = tx.Get(r.publicTable(), []byte(repository)) != nil
		return nil
	})
	return ok
}

// notePublic writes that down, so that a restart while upstream is down does not
// forget it. That it cannot be written harms nobody now.
func (r *registry) notePublic(repository string) {
	key, now, fresh := []byte(repository), r.m.now().Unix(), false
	r.m.store.View(func(tx cache.Tx) error {
		was := tx.Get(r.publicTable(), key)
		fresh = len(was) == 8 && now-int64(binary.BigEndian.Uint64(was)) < int64(publicAgain.Seconds())
		return nil
	})
	if fresh {
		return
	}
	err := r.m.store.Update(func(tx cache.Tx) error {
		table, err := tx.Table(r.publicTable())
		if err == nil && table.Stats().KeyN >= publicKept {
			err = tx.Drop(r.publicTable()) // what is in use comes back
		}
		if err != nil {
			return err
		}
		return tx.Put(r.publicTable(), key, binary.BigEndian.AppendUint64(nil, uint64(now)))
	})
	if err != nil {
		r.m.log.Warn("cannot note a public repository", "repo", r.Name, "err", err)
	}
}
