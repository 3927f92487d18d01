package upstream

import "errors"

// ErrOffline: the Transport asks nobody, by Options.Offline. It is an ErrUnavailable.
var ErrOffline = errors.New("offline")

// An offlineError is ErrOffline with its circumstances.
type offlineError struct{ repo string }

func (e *offlineError) Error() string {
	return e.repo + ": not stored here, and mirrord is offline: no upstream is asked"
}

// Is makes the error an ErrOffline and an ErrUnavailable.
func (e *offlineError) Is(target error) bool { return target == ErrOffline || target == ErrUnavailable }
