package apt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// maxEntries is how many files a Release may list. Debian's lists 1,500.
const maxEntries = 1_000_000

// The lists of a Release by field, the preferred hash first.
var releaseLists = []struct {
	field string
	alg   digest.Algorithm
}{
	{"SHA256", digest.SHA256}, {"SHA512", digest.SHA512}, {"SHA1", digest.SHA1}, {"MD5Sum", digest.MD5},
}

// listed is one file of a Release, with what each list says of it.
type listed struct {
	path string
	size int64
	sums [4]digest.Digest // in the order of releaseLists
}

// releaseParser gathers what a Release lists.
type releaseParser struct {
	listing repo.Listing
	dir     string
	limit   int // entries
	list    int // the one that the scanner is in, an index of releaseLists; -1 outside
	files   []listed
	byPath  map[string]int // index in files
}

func parseRelease(dir string, text []byte, limit int) (repo.Listing, error) {
	p := releaseParser{dir: dir, limit: limit, list: -1, byPath: map[string]int{}}
	lines := newScanner(bytes.NewReader(text))
	for {
		l, err := lines.next()
		if errors.Is(err, io.EOF) || err == nil && l.end {
			return p.finish()
		}
		if err != nil {
			return repo.Listing{}, err
		}
		if l.cut {
			return repo.Listing{}, fmt.Errorf("%w: line %d is longer than %d bytes", repo.ErrTooLarge, lines.number, lineBuffer)
		}
		if err := p.take(l); err != nil {
			return repo.Listing{}, fmt.Errorf("line %d: %w", lines.number, err)
		}
	}
}

func (p *releaseParser) take(l line) error {
	if len(l.name) > 0 {
		p.field(string(l.name), string(l.value))
	}
	if p.list < 0 || len(l.value) == 0 {
		return nil
	}
	entry, ok := parseSum(l.value)
	if !ok {
		return fmt.Errorf("%w: want hash, size and path: %.80q", repo.ErrFormat, l.value)
	}
	return p.add(entry)
}

func (p *releaseParser) field(name, value string) {
	p.list = -1
	for i, list := range releaseLists {
		if strings.EqualFold(name, list.field) {
			p.list = i
		}
	}
	switch {
	case strings.EqualFold(name, "Date"):
		p.listing.Date = parseDate(value)
	case strings.EqualFold(name, "Acquire-By-Hash"):
		p.listing.ByHash = strings.EqualFold(value, "yes")
	}
}

// parseDate reads the ways in which archives write RFC 1123 dates; zero where it
// is another.
func parseDate(value string) time.Time {
	value = strings.Join(strings.Fields(value), " ")
	for _, layout := range []string{"Mon, 2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 -0700"} {
		if date, err := time.Parse(layout, value); err == nil {
			return date.UTC()
		}
	}
	return time.Time{}
}

func (p *releaseParser) add(entry sum) error {
	name, ok := cleanEntry(string(entry.name))
	if !ok {
		return fmt.Errorf("%w: unclean path %.80q", repo.ErrFormat, entry.name)
	}
	sum, err := digest.New(releaseLists[p.list].alg, string(entry.hash))
	if err != nil {
		return fmt.Errorf("%w: %w", repo.ErrFormat, err)
	}
	if name == release || name == inRelease || name == releaseGPG {
		return nil // apt-ftparchive lists the half-written Release within itself
	}
	i, known := p.byPath[name]
	if !known {
		if i = len(p.files); i == p.limit {
			return fmt.Errorf("%w: more than %d entries", repo.ErrTooLarge, p.limit)
		}
		p.byPath[name] = i
		p.files = append(p.files, listed{path: name, size: entry.size})
	}
	file := &p.files[i]
	if file.size != entry.size || file.sums[p.list] != "" && file.sums[p.list] != sum {
		return fmt.Errorf("%w: %q is listed twice, differently", repo.ErrFormat, name)
	}
	file.sums[p.list] = sum
	return nil
}

// finish makes Refs of the files with a strong hash.
func (p *releaseParser) finish() (repo.Listing, error) {
	for _, file := range p.files {
		ref := repo.Ref{Path: join(p.dir, file.path), Size: file.size}
		for _, sum := range file.sums {
			switch {
			case sum == "":
			case ref.Digest == "":
				ref.Digest = sum
			default:
				ref.Also = append(ref.Also, sum)
			}
		}
		if ref.Digest.Strong() {
			p.listing.Refs = append(p.listing.Refs, ref)
		}
	}
	if len(p.listing.Refs) == 0 {
		return repo.Listing{}, repo.ErrNoStrongHash
	}
	return p.listing, nil
}
