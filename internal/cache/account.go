package cache

import (
	"encoding/binary"
	"math"

	bolt "go.etcd.io/bbolt"
)

// An account is who pays for an object: the repository whose client had it brought.
// Who asks for it later pays nothing. Where the account's budget lets the object go,
// the next who asks has it brought again, and pays from then on. So each object is
// paid for once, and the accounts' bytes add up to what is stored.

// account is what meta.db keeps of one.
type account struct {
	Objects, Bytes [places]int64
	// Clock is how far the evictions for the account's own budget have come in the
	// places once and again, beyond what all accounts have in common.
	Clock [places]float64
}

func readAccount(tx *bolt.Tx, name string) (a account) {
	// What cannot be read counts from zero; fsck finds it.
	binary.Decode(tx.Bucket(bucketAccounts).Get(accountKey(name)), binary.BigEndian, &a)
	return a
}

func (a account) write(tx *bolt.Tx, name string) error {
	value, err := binary.Append(nil, binary.BigEndian, a)
	if err != nil {
		return err
	}
	return tx.Bucket(bucketAccounts).Put(accountKey(name), value)
}

// accountKey is never empty, which a name may be: that of what no repository brought.
func accountKey(name string) []byte { return []byte("." + name) }

func addToAccount(tx *bolt.Tx, name string, p place, objects, bytes int64) error {
	a := readAccount(tx, name)
	a.Objects[p] += objects
	a.Bytes[p] += bytes
	return a.write(tx, name)
}

// bytes is all that the account pays for.
func (a account) bytes() (sum int64) {
	for _, n := range a.Bytes {
		sum += n
	}
	return sum
}

func (a account) stats(budget int64) Account {
	of := func(p place) Amount { return Amount{a.Objects[p], a.Bytes[p]} }
	all := Account{Budget: budget, Bytes: a.bytes(), Superseded: of(superseded), Again: of(again), Pinned: of(pinnedDown)}
	for _, n := range a.Objects {
		all.Objects += n
	}
	return all
}

// readAccounts reads all of them.
func readAccounts(tx *bolt.Tx) map[string]account {
	all := make(map[string]account)
	tx.Bucket(bucketAccounts).ForEach(func(k, _ []byte) error {
		name := string(k[1:])
		all[name] = readAccount(tx, name)
		return nil
	})
	return all
}

// keyClock is how far the evictions for all accounts' sake have come in a place.
func keyClock(p place) []byte { return []byte{'c', byte(p)} }

func commonClock(tx *bolt.Tx, p place) float64 {
	return math.Float64frombits(uint64(counter(tx.Bucket(bucketStats), keyClock(p))))
}

// clock is where in a place of the account those begin that come now.
func (a account) clock(tx *bolt.Tx, p place) float64 { return commonClock(tx, p) + a.Clock[p] }

// advance puts the clock of a place to where an object stood that went from there:
// the account's own where its own budget was the reason, else the common one.
func advance(tx *bolt.Tx, rec record, p place, own bool) error {
	if p != once && p != again {
		return nil
	}
	a, common := readAccount(tx, rec.Account), commonClock(tx, p)
	if own {
		a.Clock[p] = max(a.Clock[p], rec.Worth-common)
		return a.write(tx, rec.Account)
	}
	common = max(common, rec.Worth-a.Clock[p])
	return tx.Bucket(bucketStats).Put(keyClock(p), binary.BigEndian.AppendUint64(nil, math.Float64bits(common)))
}
