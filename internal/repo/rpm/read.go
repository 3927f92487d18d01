package rpm

import (
	"errors"
	"fmt"
	"io"
	"path"

	"mirrord/internal/repo"
)

// primary is the index of all packages, less its compression.
const primary = "primary.xml"

var errNoList = errors.New("not an index that names files")

// formatOf tells by the role of an index how to read it, nil where it names no files.
func formatOf(role string) *format {
	switch path.Base(repo.TrimCompression(role)) {
	case primary:
		return primaryFormat
	case "prestodelta.xml":
		return deltaFormat
	case "deltainfo.xml":
		return suseFormat
	}
	return nil
}

// Read emits each package that the index r vouches for with SHA-256 or SHA-512. name
// is the index's path: its end tells compression and format, its place what the
// paths in it are relative to. Entries with an unclean path, an xml:base, an odd size
// or no strong checksum vouch for nothing and are passed over. Memory is that of one
// tag.
func (a Adapter) Read(name string, r io.Reader, emit func(repo.Ref) error) error {
	plan, err := a.Plan(name)
	if err != nil || !plan.Vouches {
		return fmt.Errorf("%s: %w", name, errNoList)
	}
	plain, err := repo.Decompress(path.Base(name), r)
	if err != nil {
		return err
	}
	defer plain.Close()
	err = formatOf(plan.Role).read(plain, func(e *entry) error {
		if ref, ok := e.ref(plan.Base); ok {
			return emit(ref)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}
