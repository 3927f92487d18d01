package upstream

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

var (
	// ErrNotModified: what Request.Unless names is still current (304).
	ErrNotModified = errors.New("not modified")
	// ErrUnavailable: no mirror gave an answer that settles the matter.
	ErrUnavailable = errors.New("upstream unavailable")
	// ErrChanged: the bytes held and those on offer are of two versions.
	ErrChanged = errors.New("file changed upstream")
)

// A StatusError is the final word of every mirror asked: 404 only when each
// said 404 or 410.
type StatusError struct {
	Repo, Mirror string
	Code         int
	RetryAfter   time.Duration // 0 when the mirror did not say

	crowded bool   // the group's own lanes may be why
	note    string // what else may be, "; ..."
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: %s answered %d %s%s", e.Repo, e.Mirror, e.Code, http.StatusText(e.Code), e.note)
}

// A MismatchError means that each mirror with the file announces another size.
type MismatchError struct {
	Repo, Mirror string
	Want, Got    int64
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("%s: %s has %d bytes where %d were expected", e.Repo, e.Mirror, e.Got, e.Want)
}

// An UnavailableError is ErrUnavailable with its circumstances. Cause may hold
// a *StatusError with a 5xx code, so ask for ErrUnavailable first.
type UnavailableError struct {
	Repo, Mirror string // Mirror: whose failure Cause is
	Cause        error
	// Missing counts the mirrors that said 404 or 410 while another failed.
	Missing    int
	RetryAfter time.Duration // when a mirror may be worth asking again, 0 unknown
}

func (e *UnavailableError) Error() string {
	var s *StatusError
	if errors.As(e.Cause, &s) {
		return s.Error()
	}
	return fmt.Sprintf("%s: %s: %s", e.Repo, e.Mirror, brief(e.Cause))
}

// Is makes the error an ErrUnavailable.
func (e *UnavailableError) Is(target error) bool { return target == ErrUnavailable }

// Unwrap gives the cause.
func (e *UnavailableError) Unwrap() error { return e.Cause }

// A BrokenError ends a Body that could not be had whole.
type BrokenError struct {
	Repo, Mirror string
	At           int64 // first byte that is missing
	Cause        error
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("%s: %s: broke off at byte %d: %s", e.Repo, e.Mirror, e.At, brief(e.Cause))
}

// Unwrap makes every BrokenError an io.ErrUnexpectedEOF.
func (e *BrokenError) Unwrap() []error { return []error{io.ErrUnexpectedEOF, e.Cause} }

// A changedError is ErrChanged with its circumstances.
type changedError struct{ repo, mirror string }

func (e *changedError) Error() string { return fmt.Sprintf("%s: %s: %v", e.repo, e.mirror, ErrChanged) }

// Unwrap makes the error an ErrChanged.
func (e *changedError) Unwrap() error { return ErrChanged }

// An answerError is an answer that may not be used.
type answerError string

func (e answerError) Error() string { return string(e) }

// A refusedError is a dial or redirect that the rules forbid.
type refusedError string

func (e refusedError) Error() string { return string(e) }

// A timeoutError says which wait was too long.
type timeoutError struct {
	what  string
	after time.Duration
}

func (e *timeoutError) Error() string { return fmt.Sprintf("%s within %v", e.what, e.after) }

// Timeout is what net.Error and os.IsTimeout ask.
func (e *timeoutError) Timeout() bool { return true }

// Is makes the error an os.ErrDeadlineExceeded.
func (e *timeoutError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// brief cuts addresses of this machine out of the texts of package net, keeps
// the reason, and holds foreign text to one short line.
func brief(err error) string {
	var errno syscall.Errno
	var dns *net.DNSError
	var op *net.OpError
	var token *tokenError
	text := ""
	switch {
	case err == nil:
		return "no answer"
	case errors.As(err, &token):
		text = token.Error()
	case errors.As(err, &errno):
		text = errno.Error()
	case errors.As(err, &dns):
		text = "no address for " + dns.Name
	case errors.As(err, &op):
		text = op.Err.Error()
	default:
		text = err.Error()
	}
	return oneLine(text)
}

// oneLine replaces control characters and keeps 200 bytes.
func oneLine(s string) string {
	out := []byte(s[:min(len(s), 200)])
	for i, c := range out {
		if c < ' ' || c == 0x7f {
			out[i] = ' '
		}
	}
	return string(out)
}
