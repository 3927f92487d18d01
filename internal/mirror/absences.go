package mirror

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// missingKept and missingFor bound the memory of upstream's refusals.
	missingKept = 4 << 10
	missingFor  = 10 * time.Second
	// lateFor is missingFor for a file that an index names: an upstream in the middle
	// of its synchronisation brings it soon. It is over when a root that failed for
	// want of the file is tried again.
	lateFor = retryAfter
)

// absences remember for a while what upstream does not give, so that it is not
// asked again at once.
type absences struct {
	missing *lru.Cache[string, absence]
	now     func() time.Time
}

// absence is upstream's no: it has no such file, or not for who asks.
type absence struct {
	err   error
	until time.Time
}

func newAbsences(now func() time.Time) absences {
	missing, _ := lru.New[string, absence](missingKept)
	return absences{missing, now}
}

// gone is upstream's no where it is still remembered, else nil.
func (a absences) gone(key string) error {
	if was, ok := a.missing.Get(key); ok && a.now().Before(was.until) {
		return was.err
	}
	return nil
}

// absent passes err on, and where it is upstream's 404 remembers it for a while.
func (a absences) absent(key string, err error) error {
	if absent(err) {
		a.forbear(key, err)
	}
	return err
}

// late is absent for a file that an index names.
func (a absences) late(key string, err error) error {
	if absent(err) {
		a.missing.Add(key, absence{err, a.now().Add(lateFor)})
	}
	return err
}

// forbear has gone tell err of key for a while.
func (a absences) forbear(key string, err error) {
	a.missing.Add(key, absence{err, a.now().Add(missingFor)})
}
