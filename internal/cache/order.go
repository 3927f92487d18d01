package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"

	"mirrord/internal/worth"

	bolt "go.etcd.io/bbolt"
)

// The order of eviction is an index in meta.db, so that the next victim is found
// without a look at the others. Every object stands in one place of one account.

// place is a part of an account. What stands in a lower one goes first; what is
// pinned does not stand in the index at all.
type place int

const (
	superseded place = iota // nothing current names it
	once                    // used once
	again                   // used more often
	pinnedDown
	places
)

func placeOf(tx *bolt.Tx, raw []byte, rec record) place {
	switch {
	case isPinned(tx, raw, rec.Names):
		return pinnedDown
	case rec.Superseded:
		return superseded
	case rec.Uses > 1:
		return again
	}
	return once
}

// orderPrefix begins the keys of one place of one account.
func orderPrefix(account string, p place) []byte {
	return append(append([]byte{byte(p)}, account...), 0)
}

// orderKey goes on with what the object is worth, its last use, and its sum. Floats
// above zero sort as their bits do.
func orderKey(rec record, p place, raw []byte) []byte {
	key := binary.BigEndian.AppendUint64(orderPrefix(rec.Account, p), math.Float64bits(rec.Worth))
	return append(binary.BigEndian.AppendUint64(key, uint64(rec.Accessed)), raw...)
}

// afterPrefix are the lengths of what follows in a key.
const afterPrefix = 8 + 8 + sha256.Size

// enter gives the object its place in the order of eviction, and counts it there.
func enter(tx *bolt.Tx, raw []byte, rec record) error {
	p := placeOf(tx, raw, rec)
	err := addToAccount(tx, rec.Account, p, 1, rec.Size)
	if p != pinnedDown {
		err = errors.Join(err, tx.Bucket(bucketOrder).Put(orderKey(rec, p, raw), there))
	}
	return err
}

// leave takes the object out of its place; rec is as it was entered.
func leave(tx *bolt.Tx, raw []byte, rec record) error {
	p := placeOf(tx, raw, rec)
	return errors.Join(
		addToAccount(tx, rec.Account, p, -1, -rec.Size),
		tx.Bucket(bucketOrder).Delete(orderKey(rec, p, raw)))
}

// use notes in the record that the object is used at a time, in unix milliseconds,
// and reports whether that changes anything.
func (rec *record) use(tx *bolt.Tx, at int64) bool {
	if rec.Uses > 0 && !worth.Again(rec.Accessed, at) {
		return false
	}
	rec.Accessed, rec.Uses = at, min(rec.Uses+1, worth.UsesMost)
	p := once
	if rec.Uses > 1 {
		p = again
	}
	rec.Worth = readAccount(tx, rec.Account).clock(tx, p) + worth.Of(rec.Uses, rec.Size)
	return true
}

// line is one place of one account, in the order in which its objects go.
type line struct {
	cursor *bolt.Cursor
	prefix []byte
	own    float64 // the account's own clock
	key    []byte  // of the next, without the prefix; nil at the end
	worth  float64 // of the next, as that of other accounts is counted
}

func newLine(tx *bolt.Tx, account string, p place) *line {
	l := &line{cursor: tx.Bucket(bucketOrder).Cursor(), prefix: orderPrefix(account, p)}
	if p == once || p == again {
		l.own = readAccount(tx, account).Clock[p]
	}
	k, _ := l.cursor.Seek(l.prefix)
	l.set(k)
	return l
}

func (l *line) next() {
	k, _ := l.cursor.Next()
	l.set(k)
}

// before reports that l's next goes before that of another account.
func (l *line) before(other *line) bool {
	if l.worth != other.worth {
		return l.worth < other.worth
	}
	return bytes.Compare(l.key, other.key) < 0
}

func (l *line) set(k []byte) {
	l.key = nil
	if rest, ok := bytes.CutPrefix(k, l.prefix); ok && len(rest) == afterPrefix {
		l.key = rest
		l.worth = math.Float64frombits(binary.BigEndian.Uint64(rest)) - l.own
	}
}

// sum is that of the line's next object.
func (l *line) sum() []byte { return bytes.Clone(l.key[8+8:]) }
