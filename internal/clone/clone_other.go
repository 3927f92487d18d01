//go:build !linux

package clone

import (
	"errors"
	"os"
)

// Bytes would make to a clone of from.
func Bytes(_, _ *os.File) error { return errors.ErrUnsupported }

// Link would give the open file the further name to.
func Link(_ *os.File, _ string) error { return errors.ErrUnsupported }

// LinkIn would give the open file a further name in a directory that is open.
func LinkIn(_, _ *os.File, _ string) error { return errors.ErrUnsupported }
