package moving

import (
	"context"
	"errors"
	"net/url"
	"path"
	"slices"
	"strings"

	"mirrord/internal/acng"
	"mirrord/internal/tree"
)

// FindACNG says which repository each directory of apt-cacher-ng's is: what told names,
// what is named by the host of an upstream and goes on with its path, what was fetched
// from an upstream by its headers, what has a word that Debian's configuration gives to
// such an archive. Where several repositories could be meant the first is.
func FindACNG(ctx context.Context, t *tree.Tree, repos []Repo, told []Mount) ([]Mount, error) {
	names, err := t.Names("")
	if err != nil {
		return nil, err
	}
	f := acngFinder{t: t, repos: repos, found: slices.Clone(told)}
	for _, n := range names {
		dir := n.Name()
		if acng.Own(dir) || f.isFound(dir) {
			continue
		}
		if info, err := n.Info(); err != nil || !info.IsDir() {
			continue
		}
		if !f.byHost(dir) {
			if err := f.bySource(ctx, dir); err != nil {
				return nil, err
			}
		}
	}
	return f.found, nil
}

type acngFinder struct {
	t     *tree.Tree
	repos []Repo
	found []Mount
}

func (f *acngFinder) isFound(dir string) bool {
	return slices.ContainsFunc(f.found, func(m Mount) bool { return m.Dir == dir })
}

// each calls fn with every upstream of a repository with a tree, in order, until fn
// reports that it will do.
func (f *acngFinder) each(fn func(repo string, u *url.URL) (done bool)) bool {
	for _, r := range f.repos {
		if r.Type == OCI {
			continue
		}
		for _, u := range r.Upstreams {
			if fn(r.Name, u) {
				return true
			}
		}
	}
	return false
}

// byHost adds the archives of upstreams at that host.
func (f *acngFinder) byHost(dir string) (any bool) {
	f.each(func(repo string, u *url.URL) bool {
		at := path.Join(dir, u.Path)
		if !strings.EqualFold(u.Hostname(), dir) || f.isFound(at) {
			return false
		}
		if _, err := f.t.Names(at); err == nil {
			f.found, any = append(f.found, Mount{Dir: at, Repo: repo}), true
		}
		return false
	})
	return any
}

// headsMost is how many headers of a directory are read to find out where its files
// came from.
const headsMost = 1000

var errEnough = errors.New("enough")

// bySource adds the directory where one of its files came from an upstream, or where
// its name says which archive it is.
func (f *acngFinder) bySource(ctx context.Context, dir string) error {
	read, added := 0, false
	err := f.t.Walk(ctx, dir, nil, func(file tree.File) error {
		p, ok := strings.CutSuffix(file.Path, acng.HeadExt)
		if !ok {
			return nil
		}
		h, err := head(f.t, p)
		if err != nil {
			return nil
		}
		if added = f.cameFrom(dir, h.Base(strings.TrimPrefix(p, dir+"/"))); added || read >= headsMost {
			return errEnough
		}
		read++
		return nil
	}, func(tree.Problem) {})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if !added {
		f.byWord(dir)
	}
	return nil
}

func (f *acngFinder) cameFrom(dir string, base *url.URL) bool {
	return base != nil && f.each(func(repo string, u *url.URL) bool {
		if !strings.EqualFold(u.Host, base.Host) || strings.Trim(u.Path, "/") != strings.Trim(base.Path, "/") {
			return false
		}
		f.found = append(f.found, Mount{Dir: dir, Repo: repo})
		return true
	})
}

func (f *acngFinder) byWord(dir string) {
	for _, end := range acng.Means(dir) {
		found := f.each(func(repo string, u *url.URL) bool {
			if !strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), end) {
				return false
			}
			f.found = append(f.found, Mount{Dir: dir, Repo: repo})
			return true
		})
		if found {
			return
		}
	}
}
