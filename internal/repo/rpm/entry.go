package rpm

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// maxEntries is how many files an index may name: thirty times Fedora's packages.
const maxEntries = 2_000_000

// maxSize is the largest file believed in, in bytes: beyond it a size is a mistake
// or an attack.
const maxSize = 1 << 40

// Times outside of this are no dates, in seconds since 1970. Some tools write 0, and
// some milliseconds, which must not pass for the newest state ever seen.
const (
	minTime = 100_000_000
	maxTime = 10_000_000_000
)

// format is one kind of file that names others: an element for each, at a depth of
// its own, with the same few children in all kinds.
type format struct {
	outer string // the outermost element
	entry string // names one file
	depth int    // of entry; the outermost is 1
}

var (
	repomdFormat  = &format{outer: "repomd", entry: "data", depth: 2}
	primaryFormat = &format{outer: "metadata", entry: "package", depth: 2}
	deltaFormat   = &format{outer: "prestodelta", entry: "delta", depth: 3}
	suseFormat    = &format{outer: "deltainfo", entry: "delta", depth: 3}
)

// entry is what is kept of one file that is named.
type entry struct {
	href  string
	base  string        // xml:base, which puts it elsewhere
	sum   digest.Digest // "" = no strong one
	size  int64         // -1 = not told
	odd   bool          // size is none
	time  time.Time     // zero = not told
	field string        // whose text is being kept
	alg   string        // of the checksum whose text is being kept
}

// read gives each entry of a document to emit, which keeps nothing of it.
func (f *format) read(in io.Reader, emit func(*entry) error) error {
	s := newScanner(in)
	var e *entry // nil outside
	var kept entry
	seen, count := false, 0
	for {
		start, err := s.next()
		if errors.Is(err, io.EOF) && seen {
			return nil
		}
		if err != nil {
			return cutOff(err)
		}
		depth := s.depth()
		switch {
		case start && depth == 1:
			if seen || string(s.name()) != f.outer {
				return fmt.Errorf("%w: want one element %s, got %.40q", repo.ErrFormat, f.outer, s.full())
			}
			seen = true
		case start && depth == f.depth && string(s.name()) == f.entry:
			if count++; count > maxEntries {
				return fmt.Errorf("%w: more than %d files", repo.ErrTooLarge, maxEntries)
			}
			kept = entry{size: -1}
			e = &kept
		case start && depth == f.depth+1 && e != nil:
			err = e.begin(s)
		case !start && depth == f.depth && e != nil:
			err = e.end(s)
		case !start && depth == f.depth-1 && e != nil:
			err = emit(e)
			e = nil
		}
		if err != nil {
			return err
		}
	}
}

// begin takes the start of an element within an entry. Of several of one name the
// last counts.
func (e *entry) begin(s *scanner) (err error) {
	e.field = ""
	switch string(s.name()) {
	case "location":
		if e.href, err = s.attr("href"); err == nil {
			e.base, err = s.attr("xml:base")
		}
	case "filename":
		e.field = "filename"
		e.base, err = s.attr("xml:base")
	case "checksum":
		e.field = "checksum"
		e.alg, err = s.attr("type")
	case "size":
		var size string
		if size, err = s.attr("package"); err == nil && size != "" {
			e.setSize(size)
			return nil
		}
		e.field = "size"
	case "timestamp":
		e.field = "timestamp"
	}
	if e.field != "" {
		s.collect()
	}
	return err
}

// end takes the text of the element that ends.
func (e *entry) end(s *scanner) error {
	if e.field == "" {
		return nil
	}
	text, err := s.taken()
	switch e.field {
	case "filename":
		e.href = text
	case "checksum":
		e.setSum(text)
	case "size":
		e.setSize(text)
	case "timestamp":
		e.setTime(text)
	}
	e.field = ""
	return err
}

// setSum keeps a strong checksum. A weak one tells a file from others, but does not
// vouch for it.
func (e *entry) setSum(text string) {
	if d, err := digest.New(digest.Algorithm(strings.ToLower(e.alg)), text); err == nil && d.Strong() {
		e.sum = d
	}
}

func (e *entry) setSize(text string) {
	if text == "" {
		return
	}
	n, err := strconv.ParseInt(text, 10, 64)
	e.size, e.odd = n, err != nil || n < 0 || n > maxSize
}

// setTime reads seconds; old tools write a fraction after them.
func (e *entry) setTime(text string) {
	whole, _, _ := strings.Cut(text, ".")
	if n, err := strconv.ParseInt(whole, 10, 64); err == nil && n >= minTime && n < maxTime {
		e.time = time.Unix(n, 0).UTC()
	}
}

// ref is the promise that the entry makes about a file below dir; false where it
// makes none that can be kept.
func (e *entry) ref(dir string) (repo.Ref, bool) {
	path, ok := e.path(dir)
	return repo.Ref{Path: path, Size: e.size, Digest: e.sum}, ok && e.sum != "" && !e.odd
}

// path is where the file lies, false where that is not below dir.
func (e *entry) path(dir string) (string, bool) {
	if e.base != "" || strings.HasPrefix(e.href, "/") || strings.Contains(e.href, "://") {
		return "", false
	}
	clean, err := repo.CleanName(e.href)
	return join(dir, clean), err == nil
}
