package apt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// sums is the list that installer trees and the like keep of their own files.
const sums = "SHA256SUMS"

// maxSize is the largest file believed in, in bytes: beyond it a size is a
// mistake or an attack, not a package.
const maxSize = 1 << 40

var errNoList = errors.New("not an index that names files")

// format reads one kind of index.
type format func(in io.Reader, out sink) error

// formatOf tells by its name how to read an index, nil where it names no files.
func formatOf(name string) format {
	file := path.Base(repo.TrimCompression(name))
	switch {
	case file == "Packages":
		return readPackages
	case file == "Sources":
		return readSources
	case file == "Index" && path.Ext(dirOf(name)) == ".diff":
		return readDiffIndex
	case file == sums:
		return readSums
	}
	return nil
}

// Read emits each file that the index r vouches for with SHA-256 or SHA-512. name
// is the index's path: its end tells compression and format, its place what the
// paths in it are relative to. Entries with an unclean path, an odd size or no
// strong hash vouch for nothing and are passed over. Memory is that of one stanza.
func (Adapter) Read(name string, r io.Reader, emit func(repo.Ref) error) error {
	read := formatOf(name)
	if read == nil {
		return fmt.Errorf("%s: %w", name, errNoList)
	}
	plain, err := repo.Decompress(path.Base(name), r)
	if err != nil {
		return err
	}
	defer plain.Close()
	p := newPlace(name)
	base := p.base()
	if err := read(plain, sink{base: base, flat: base == p.dir, emit: emit}); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// sink turns the entries of an index into Refs.
type sink struct {
	base string
	flat bool // base is the index's own directory
	emit func(repo.Ref) error
}

// add emits the file that stands at name below the base.
func (s sink) add(name string, size int64, d digest.Digest) error {
	clean, ok := cleanEntry(name)
	if !ok || d == "" {
		return nil
	}
	return s.emit(repo.Ref{Path: join(s.base, clean), Size: size, Digest: d})
}

// addPackage is add for names that count from the URI of the client's
// sources.list. In a flat repository that is the index's own directory or one
// above it, and where the name begins as that directory ends ("deb URI sub/" and
// "Filename: sub/a.deb") both readings are emitted.
func (s sink) addPackage(name string, size int64, d digest.Digest) error {
	if err := s.add(name, size, d); err != nil || !s.flat {
		return err
	}
	clean, ok := cleanEntry(name)
	overlap := overlapping(s.base, clean)
	if !ok || d == "" || overlap == "" {
		return nil
	}
	return s.emit(repo.Ref{Path: overlap, Size: size, Digest: d})
}

// cleanEntry is repo.CleanName for relative names only.
func cleanEntry(name string) (string, bool) {
	if strings.HasPrefix(name, "/") {
		return "", false
	}
	clean, err := repo.CleanName(name)
	return clean, err == nil
}

// join is path.Join for clean parts, of which dir may be "".
func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// overlapping joins dir and name with the longest common part, the end of dir
// and the beginning of name, written once; "" where they have none.
func overlapping(dir, name string) string {
	for tail := dir; tail != ""; {
		if len(name) > len(tail) && name[len(tail)] == '/' && name[:len(tail)] == tail {
			return dir + name[len(tail):]
		}
		_, tail, _ = strings.Cut(tail, "/")
	}
	return ""
}

// sum is one line of a list of hashes: "hash size name".
type sum struct {
	hash, name []byte
	size       int64
}

func parseSum(text []byte) (sum, bool) {
	hash, rest := cutField(text)
	size, name := cutField(rest)
	n, ok := parseSize(size)
	return sum{hash: hash, name: name, size: n}, ok && len(name) > 0
}

// cutField splits text at its first run of white space.
func cutField(text []byte) (field, rest []byte) {
	i := bytes.IndexAny(text, " \t")
	if i < 0 {
		return text, nil
	}
	return text[:i], bytes.TrimLeft(text[i:], " \t")
}

func parseSize(text []byte) (int64, bool) {
	n, err := strconv.ParseInt(string(text), 10, 64)
	return n, err == nil && n >= 0 && n <= maxSize
}

// strong makes a digest of a hexadecimal hash, "" where it is none.
func strong(alg digest.Algorithm, hash []byte) digest.Digest {
	d, err := digest.New(alg, string(hash))
	if err != nil {
		return ""
	}
	return d
}
