package upstream

import (
	"errors"
	"net/http"
	"time"
)

// verdict makes one error of what the mirrors said. Where one failed nobody
// knows what it would have said, so its failure is the answer; otherwise the
// most telling refusal is: a change, another size, a status, and only when
// nobody says anything else, that the file does not exist.
func (h *hunt) verdict() error {
	var failure, changed, size, status, missing error
	var failed *mirror
	gone, nMissing, ignored := true, 0, false
	for _, m := range h.mirrors {
		err := h.errs[m]
		var s *StatusError
		switch {
		case err == nil || !sound(err):
			if failed == nil || isCooling(failure) && !isCooling(err) {
				failure, failed = err, m
			}
		case errors.Is(err, errIgnored):
			ignored = true
		case errors.Is(err, ErrChanged):
			changed = first(changed, &changedError{h.g.name, m.label})
		case errors.As(err, &s) && isMissing(s.Code):
			missing = first(missing, err)
			gone = gone && s.Code == http.StatusGone
			nMissing++
		case errors.As(err, &s):
			status = first(status, err)
		default:
			size = first(size, err)
		}
	}
	if ignored {
		return ErrNoParts // as a whole it can be had there, whatever the others do
	}
	if failed != nil {
		return &UnavailableError{h.g.name, failed.label, failure, nMissing, h.again()}
	}
	if err := first(changed, size, status); err != nil || gone {
		return first(err, missing)
	}
	return h.notFound(missing)
}

// notFound is 404 rather than 410 unless every mirror said 410.
func (h *hunt) notFound(missing error) error {
	var s *StatusError
	errors.As(missing, &s)
	return &StatusError{Repo: s.Repo, Mirror: s.Mirror, Code: http.StatusNotFound}
}

// again is how long until one of the mirrors may be asked, 0 unknown.
func (h *hunt) again() time.Duration {
	var soonest time.Duration
	for _, m := range h.mirrors {
		if s, at := m.breaker.state(); s == Open {
			if d := at.Sub(h.g.t.now()); soonest == 0 || d < soonest {
				soonest = d
			}
		}
	}
	return soonest
}

func isMissing(code int) bool { return code == http.StatusNotFound || code == http.StatusGone }

func isCooling(err error) bool {
	var c *coolingError
	return err == nil || errors.As(err, &c)
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
