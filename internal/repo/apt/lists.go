package apt

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// readDiffIndex reads a Packages.diff/Index: the patches as they are downloaded,
// and the same unpacked, by which very old clients ask for them.
func readDiffIndex(in io.Reader, out sink) error {
	lines := newScanner(in)
	listed := false
	for {
		l, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(l.name) > 0 || l.end {
			listed = bytes.EqualFold(l.name, []byte("SHA256-Download")) || bytes.EqualFold(l.name, []byte("SHA256-Patches"))
		}
		if entry, ok := parseSum(l.value); listed && ok {
			if err := out.add(string(entry.name), entry.size, strong(digest.SHA256, entry.hash)); err != nil {
				return err
			}
		}
	}
}

// readSums reads the output of sha256sum. It tells no sizes.
func readSums(in io.Reader, out sink) error {
	lines := newScanner(in)
	for {
		text, cut, err := lines.read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		hash, name := cutField(bytes.TrimSpace(text))
		if len(hash) == 0 {
			continue
		}
		d := strong(digest.SHA256, hash)
		if d == "" || cut {
			return fmt.Errorf("%w: line %d is no SHA-256 and path: %.40q", repo.ErrFormat, lines.number, text)
		}
		if err := out.add(string(bytes.TrimPrefix(name, []byte("*"))), -1, d); err != nil {
			return err
		}
	}
}
