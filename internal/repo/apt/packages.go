package apt

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// stanza is what is kept of one package. The buffers are used again and again.
type stanza struct {
	filename, size, sha256, sha512 []byte
}

// field gives the place of a field's value, nil for the fields of no use here.
// It runs once a line, so the length decides first.
func (s *stanza) field(name []byte) *[]byte {
	switch len(name) {
	case len("Size"):
		if bytes.EqualFold(name, []byte("Size")) {
			return &s.size
		}
	case len("SHA256"):
		if bytes.EqualFold(name, []byte("SHA256")) {
			return &s.sha256
		}
		if bytes.EqualFold(name, []byte("SHA512")) {
			return &s.sha512
		}
	case len("Filename"):
		if bytes.EqualFold(name, []byte("Filename")) {
			return &s.filename
		}
	}
	return nil
}

func (s *stanza) reset() {
	s.filename, s.size, s.sha256, s.sha512 = s.filename[:0], s.size[:0], s.sha256[:0], s.sha512[:0]
}

func (s *stanza) digest() digest.Digest {
	if len(s.sha256) > 0 {
		return strong(digest.SHA256, s.sha256)
	}
	return strong(digest.SHA512, s.sha512)
}

// readPackages reads a Packages file.
func readPackages(in io.Reader, out sink) error {
	lines := newScanner(in)
	var s stanza
	for {
		l, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if l.end {
			if err := s.emit(out); err != nil {
				return err
			}
			s.reset()
			continue
		}
		if value := s.field(l.name); value != nil {
			if l.cut {
				return fmt.Errorf("%w: line %d: %s longer than %d bytes", repo.ErrFormat, lines.number, l.name, lineBuffer)
			}
			*value = append((*value)[:0], l.value...)
		}
	}
}

func (s *stanza) emit(out sink) error {
	size, ok := parseSize(s.size)
	if !ok || len(s.filename) == 0 {
		return nil
	}
	return out.addPackage(string(s.filename), size, s.digest())
}
