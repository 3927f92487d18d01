package apt

import (
	"bytes"
	"fmt"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// Limits on the files of a root, in bytes. Debian's InRelease has 0.2 MB, one
// that lists a million indexes by one hash about 100 bytes a line would go
// beyond; a signature has 1 KB.
const (
	maxRelease   = 64 << 20
	maxSignature = 1 << 20
)

// Root reads the root in dir from its files by name: InRelease, Release, or
// Release and Release.gpg, or all three. It fails with repo.ErrIncoherent where a
// signature was made for another text, or the texts differ. That tells a broken
// or half-updated root from a whole one; it does not tell who signed.
func (Adapter) Root(dir string, files map[string][]byte) (repo.Listing, error) {
	text, err := agreedText(files)
	if err != nil {
		return repo.Listing{}, fmt.Errorf("root in %q: %w", dir, err)
	}
	listing, err := parseRelease(dir, text, maxEntries)
	if err != nil {
		return repo.Listing{}, fmt.Errorf("root in %q: %w", dir, err)
	}
	listing.ID = identity(text)
	return listing, nil
}

// agreedText is the Release text that all files of the root stand for.
func agreedText(files map[string][]byte) ([]byte, error) {
	signed, hasSigned := files[inRelease]
	plain, hasPlain := files[release]
	signature, hasSignature := files[releaseGPG]
	if len(signed) > maxRelease || len(plain) > maxRelease || len(signature) > maxSignature {
		return nil, fmt.Errorf("%w: a Release of %d bytes or its signature", repo.ErrTooLarge, max(len(signed), len(plain)))
	}
	if hasSignature && hasPlain {
		if err := repo.CheckDetached(plain, signature); err != nil {
			return nil, fmt.Errorf("%s: %w", releaseGPG, err)
		}
	}
	if !hasSigned {
		if !hasPlain {
			return nil, fmt.Errorf("%w: neither %s nor %s is given", repo.ErrIncoherent, inRelease, release)
		}
		return plain, nil
	}
	text, err := repo.OpenClearsigned(signed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", inRelease, err)
	}
	if hasPlain && identity(text) != identity(plain) {
		return nil, fmt.Errorf("%w: %s and %s differ", repo.ErrIncoherent, inRelease, release)
	}
	return text, nil
}

// identity hashes a Release text without what clear-signing does not keep: white
// space at the ends of lines, the kind of line end, and the last newline.
func identity(text []byte) digest.Digest {
	canonical := make([]byte, 0, len(text))
	for line := range bytes.Lines(text) {
		canonical = append(canonical, bytes.TrimRight(line, " \t\r\n")...)
		canonical = append(canonical, '\n')
	}
	return digest.Of(bytes.TrimRight(canonical, "\n"))
}
