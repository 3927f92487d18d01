package repo

import "errors"

var (
	// ErrFormat reports a file that is not what its name says.
	ErrFormat = errors.New("malformed")
	// ErrIncoherent reports files of a root that do not belong together: a text
	// that is not the one signed, or files of two generations. Upstream is most
	// likely in the middle of an update.
	ErrIncoherent = errors.New("the files do not belong together")
	// ErrNoStrongHash reports a root that lists nothing by SHA-256 or SHA-512.
	ErrNoStrongHash = errors.New("nothing listed by SHA-256 or SHA-512")
	// ErrTooLarge reports foreign input beyond a limit of ours.
	ErrTooLarge = errors.New("too large")
)
