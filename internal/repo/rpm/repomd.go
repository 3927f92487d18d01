package rpm

import (
	"bytes"
	"fmt"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// Limits on the files of a root, in bytes. A repomd.xml takes about 500 bytes for
// each file that it names: Fedora's has 10 KB, openSUSE's with its translations
// 50 KB; 1 MiB has room for 2,000. A signature has 1 KB.
const (
	maxRepomd    = 1 << 20
	maxSignature = 64 << 10
)

// Root reads the root in dir from its files by name: repomd.xml, and repomd.xml.asc
// where it is given. It fails with repo.ErrIncoherent where the signature was made
// for another text; it does not tell who signed.
//
// What repomd.xml names elsewhere than below its own repodata (an absolute location,
// an xml:base, a path upwards) clients fetch from there, and it is not listed. What it
// names by a weak checksum, or by none, is unchecked.
func (Adapter) Root(dir string, files map[string][]byte) (repo.Listing, error) {
	listing, err := readRoot(dir, files)
	if err != nil {
		return repo.Listing{}, fmt.Errorf("root in %q: %w", dir, err)
	}
	return listing, nil
}

func readRoot(dir string, files map[string][]byte) (repo.Listing, error) {
	text, ok := files[repomd]
	signature, signed := files[repomdAsc]
	if !ok {
		return repo.Listing{}, fmt.Errorf("%w: %s is not given", repo.ErrIncoherent, repomd)
	}
	if len(text) > maxRepomd || len(signature) > maxSignature {
		return repo.Listing{}, fmt.Errorf("%w: %s of %d bytes, its signature of %d", repo.ErrTooLarge, repomd, len(text), len(signature))
	}
	if signed {
		if err := repo.CheckDetached(text, signature); err != nil {
			return repo.Listing{}, fmt.Errorf("%s: %w", repomdAsc, err)
		}
	}
	p := repomdParser{dir: dir, byPath: make(map[string]repo.Ref)}
	if err := repomdFormat.read(bytes.NewReader(text), p.add); err != nil {
		return repo.Listing{}, fmt.Errorf("%s: %w", repomd, err)
	}
	if len(p.listing.Refs)+len(p.listing.Unchecked) == 0 {
		return repo.Listing{}, fmt.Errorf("%s: %w: it names no metadata", repomd, repo.ErrFormat)
	}
	p.listing.ID, p.listing.Complete = digest.Of(text), true
	return p.listing, nil
}

// repomdParser gathers what a repomd.xml lists.
type repomdParser struct {
	dir     string
	listing repo.Listing
	byPath  map[string]repo.Ref
}

// add takes one element data.
func (p *repomdParser) add(e *entry) error {
	if e.time.After(p.listing.Date) {
		p.listing.Date = e.time
	}
	path, ok := e.path(p.dir)
	if _, inside, under := cutRepodata(path); !ok || !under || join(p.dir, inside) != path {
		return nil
	}
	ref, ok := e.ref(p.dir)
	if !ok {
		p.listing.Unchecked = append(p.listing.Unchecked, path)
		return nil
	}
	if before, known := p.byPath[ref.Path]; known {
		if before.Size != ref.Size || before.Digest != ref.Digest {
			return fmt.Errorf("%w: %q is listed twice, differently", repo.ErrFormat, ref.Path)
		}
		return nil
	}
	p.byPath[ref.Path] = ref
	p.listing.Refs = append(p.listing.Refs, ref)
	return nil
}
