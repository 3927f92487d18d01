package mirror

import (
	"testing"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
)

// TestCollectKeepsGenerations: what a kept generation names stays, that of the one
// which clients may be halfway through too; what was forgotten with its generation
// goes.
func TestCollectKeepsGenerations(t *testing.T) {
	h := newHouse(t, 1)
	c := new(Client)
	var debs []digest.Digest
	for i, version := range []string{"1", "2", "3", "4", "5"} {
		a := newArchive(version, "hello").seal(monday.Add(time.Duration(i) * time.Hour))
		a.publish(h.ups[0])
		h.update(c, a)
		p, data := a.deb("hello", version)
		h.wants(c, p, data)
		debs = append(debs, digest.Of([]byte(data)))
		h.advance(2 * time.Minute)
	}
	found, err := h.m.Collect(t.Context(), cache.Collection{Idle: CollectIdle})
	if err != nil || found.Objects != 0 {
		t.Errorf("%+v, %v: what was used of late went", found, err)
	}
	h.m.wg.Wait()
	h.store.View(func(tx cache.Tx) error {
		for prefix, want := range map[string]int{"table\x00deb\x00": keepGenerations, "listing\x00deb\x00": keepGenerations} {
			if got := tx.Tables(prefix); len(got) != want {
				t.Errorf("tables are left: %q, expected %d", got, want)
			}
		}
		return nil
	})
	h.advance(2 * CollectIdle)
	if found, err = h.m.Collect(t.Context(), cache.Collection{Idle: CollectIdle}); err != nil {
		t.Fatal(err)
	}
	// Of each forgotten one its root, its index and its package.
	if found.Objects != 2*3 {
		t.Errorf("%+v", found)
	}
	for i, d := range debs {
		if got, want := h.store.Has(d), i >= 2; got != want {
			t.Errorf("generation %d: stored is %v, expected %v", i+1, got, want)
		}
	}
}
