package mirror

import "errors"

// errUnkept reports a root that is right and cannot be written down here: the disk is
// full, or broken. Where an older generation is known that is served, stale; where
// none is, clients get what upstream has, as it has it, and nothing is kept.
var errUnkept = errors.New("cannot be kept here")

func unkeptKey(dir string) string { return "unkept\x00" + dir }

// unkept is why the root at dir could not be kept a moment ago, else nil: the disk is
// not tried for every client.
func (r *repository) unkept(dir string) error { return r.gone(unkeptKey(dir)) }

// noteUnkept passes err on, and remembers for a moment where it is of a root that
// cannot be kept.
func (r *repository) noteUnkept(dir string, err error) error {
	if errors.Is(err, errUnkept) {
		r.missing.Add(unkeptKey(dir), absence{err, r.m.now().Add(retryAfter)})
	}
	return err
}
