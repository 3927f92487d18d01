package cache

import "errors"

// Ending is what became of a flight.
type Ending string

const (
	EndStored   Ending = "stored"
	EndUnneeded Ending = "unneeded" // upstream confirmed what is stored, or another flight had just brought it
	EndPassed   Ending = "passed"   // served to the end, and not meant to be kept
	EndUnstored Ending = "unstored" // there was no room for it, or the disk failed
	EndParked   Ending = "parked"   // its last reader left; what it has is kept
	EndWrong    Ending = "wrong"    // the bytes were not what was vouched for
	EndFailed   Ending = "failed"   // upstream did
	EndStopped  Ending = "stopped"  // with the Store
)

// endingOf is that of a flight that ended with err. run calls it.
func (f *flight) endingOf(err error) Ending {
	switch {
	case err == nil && f.ending != "":
		return f.ending
	case err == nil && f.object != "":
		return EndStored
	case err == nil:
		return EndPassed
	case errors.Is(err, errParked):
		return EndParked
	case errors.Is(err, errClosed):
		return EndStopped
	case errors.Is(err, errUnstored):
		return EndUnstored
	case errors.Is(err, ErrMismatch):
		return EndWrong
	}
	return EndFailed
}
