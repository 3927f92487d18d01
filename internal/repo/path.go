package repo

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	// ErrBadPath reports a path that no honest client sends: a 400.
	ErrBadPath = errors.New("bad path")
	// ErrNotFile reports a path that names a directory: a 404.
	ErrNotFile = errors.New("not a file")
)

// The longest path and path segment taken, in bytes. PATH_MAX and NAME_MAX of
// the usual file systems: no upstream can hold a file with a longer name.
const (
	maxPath    = 4096
	maxSegment = 255
)

// CleanPath decodes the escaped path of a request and returns the path of a file
// relative to its repository: no leading slash, no empty, "." or ".." segment.
// apt asks for "/./Packages" in flat repositories and people write "//" in
// sources.list, so these collapse; all that could mean another file to upstream
// than to mirrord is refused.
func CleanPath(escaped string) (string, error) {
	if len(escaped) > maxPath {
		return "", fmt.Errorf("%w: longer than %d bytes", ErrBadPath, maxPath)
	}
	raw, err := unescape(escaped)
	if err != nil {
		return "", err
	}
	return CleanName(raw)
}

// CleanName is CleanPath for a path that is not escaped, as indexes write them.
func CleanName(raw string) (string, error) {
	if err := checkText(raw); err != nil {
		return "", err
	}
	segments := make([]string, 0, 8)
	file := false
	for segment := range strings.SplitSeq(raw, "/") {
		file = segment != "" && segment != "."
		switch {
		case segment == "..":
			return "", fmt.Errorf("%w: %q leads upwards", ErrBadPath, raw)
		case len(segment) > maxSegment:
			return "", fmt.Errorf("%w: a segment longer than %d bytes", ErrBadPath, maxSegment)
		case file:
			segments = append(segments, segment)
		}
	}
	if !file {
		return "", fmt.Errorf("%w: %q", ErrNotFile, raw)
	}
	return strings.Join(segments, "/"), nil
}

// unescape decodes percent-encoding. An encoded slash is refused while it can
// still be told from a real one.
func unescape(escaped string) (string, error) {
	for rest := escaped; ; {
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			break
		}
		rest = rest[i+1:]
		if len(rest) >= 2 && strings.EqualFold(rest[:2], "2f") {
			return "", fmt.Errorf("%w: an encoded slash", ErrBadPath)
		}
	}
	raw, err := url.PathUnescape(escaped)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrBadPath, err)
	}
	return raw, nil
}

// checkText refuses what cannot stand in a path whatever its segments.
func checkText(raw string) error {
	switch {
	case len(raw) > maxPath:
		return fmt.Errorf("%w: longer than %d bytes", ErrBadPath, maxPath)
	case !utf8.ValidString(raw):
		return fmt.Errorf("%w: not UTF-8", ErrBadPath)
	case strings.ContainsFunc(raw, unicode.IsControl):
		return fmt.Errorf("%w: a control character", ErrBadPath)
	case strings.Contains(raw, `\`):
		return fmt.Errorf("%w: a backslash", ErrBadPath)
	}
	return nil
}
