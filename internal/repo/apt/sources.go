package apt

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// maxFiles is how many files one source package may have; real ones have tens.
const maxFiles = 10_000

// sourceFile is a file of a source package, before its directory is known.
type sourceFile struct {
	name   string
	size   int64
	digest digest.Digest
}

// source is what is kept of one source package.
type source struct {
	directory string
	files     map[digest.Algorithm][]sourceFile
	list      digest.Algorithm // of the list that the scanner is in; "" outside
}

var sourceLists = map[string]digest.Algorithm{
	"checksums-sha256": digest.SHA256, "checksums-sha512": digest.SHA512,
}

// readSources reads a Sources file.
func readSources(in io.Reader, out sink) error {
	lines := newScanner(in)
	s := source{files: map[digest.Algorithm][]sourceFile{}}
	for {
		l, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && l.end {
			err = s.emit(out)
		} else if err == nil {
			err = s.take(l)
		}
		if err != nil {
			return err
		}
	}
}

func (s *source) take(l line) error {
	if len(l.name) > 0 {
		s.list = sourceLists[string(bytes.ToLower(l.name))]
		if bytes.EqualFold(l.name, []byte("Directory")) && !l.cut {
			s.directory = string(l.value)
		}
	}
	entry, ok := parseSum(l.value)
	if s.list == "" || !ok {
		return nil
	}
	if len(s.files[s.list]) == maxFiles {
		return fmt.Errorf("%w: a source package of more than %d files", repo.ErrFormat, maxFiles)
	}
	file := sourceFile{name: string(entry.name), size: entry.size, digest: strong(s.list, entry.hash)}
	s.files[s.list] = append(s.files[s.list], file)
	return nil
}

// emit gives out the files of a finished stanza and starts the next.
func (s *source) emit(out sink) error {
	files := s.files[digest.SHA256]
	if len(files) == 0 {
		files = s.files[digest.SHA512]
	}
	for _, f := range files {
		if err := out.addPackage(join(s.directory, f.name), f.size, f.digest); err != nil {
			return err
		}
	}
	s.directory, s.list = "", ""
	for alg, files := range s.files {
		s.files[alg] = files[:0]
	}
	return nil
}
