package mirror

import (
	"encoding/binary"
	"time"

	"mirrord/internal/cache"
)

const (
	// publicKept bounds the repositories that are written down as public.
	publicKept = 64 << 10
	// publicAgain is how old that note may get before it is written anew.
	publicAgain = time.Hour
)

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
	key, now, fresh := []byte(repository), r.m.now(), false
	r.m.store.View(func(tx cache.Tx) error {
		was := tx.Get(r.publicTable(), key)
		fresh = len(was) == 8 && near(now, time.Unix(int64(binary.BigEndian.Uint64(was)), 0), publicAgain)
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
		return tx.Put(r.publicTable(), key, binary.BigEndian.AppendUint64(nil, uint64(now.Unix())))
	})
	if err != nil {
		r.m.log.Warn("cannot note a public repository", "repo", r.Name, "err", err)
	}
}

// forgetPublic takes the note back.
func (r *registry) forgetPublic(repository string) {
	if !r.public(repository) {
		return
	}
	err := r.m.store.Update(func(tx cache.Tx) error { return tx.Delete(r.publicTable(), []byte(repository)) })
	if err != nil {
		r.m.log.Error("cannot forget that a repository was public", "repo", r.Name, "repository", repository, "err", err)
	}
}
