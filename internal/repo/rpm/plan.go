package rpm

import (
	"path"
	"slices"
	"strings"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// Adapter knows the layout of yum and dnf repositories. The zero value is ready.
type Adapter struct{}

// The directory of the metadata, and its files of fixed names.
const (
	repodata  = "repodata"
	repomd    = repodata + "/repomd.xml"
	repomdAsc = repomd + ".asc"
	repomdKey = repomd + ".key"
)

// maxRoots bounds how many directories a file may belong to. Real packages lie at
// most three below their root.
const maxRoots = 8

// Members are repomd.xml and the signature that some repositories put beside it.
func (Adapter) Members() [][]string { return [][]string{{repomd, repomdAsc}} }

// Plan says what a path, clean as repo.CleanPath leaves it, is in a repository.
//
// repodata/repomd.xml is Root wherever it lies, and so is its signature; the key
// beside it is Free, and all else below a repodata is Index. Packages anywhere else
// are Leaf, and what remains (.treeinfo, installer images, keys) is Free.
//
// primary.xml stands for itself, and also for what clients use in its place: its
// zchunk and its sqlite, which are not read here.
func (Adapter) Plan(name string) (repo.Plan, error) {
	if name == "" {
		return repo.Plan{}, repo.ErrNotFile
	}
	plan := repo.Plan{Path: name}
	dir, inside, ok := cutRepodata(name)
	switch {
	case ok && (inside == repomd || inside == repomdAsc):
		plan.Class, plan.Roots, plan.Member = repo.Root, []string{dir}, inside
		plan.Rebuilds = join(dir, repodata+"/"+primary)
	case ok && inside == repomdKey:
		plan.Class = repo.Free
	case ok:
		plan.Class, plan.Roots = repo.Index, indexRoots(dir)
		name, sum := cutSum(path.Base(inside))
		plan.Digest = sum
		plan.Role = join(dir, path.Join(path.Dir(inside), name))
		plan.Rebuilds = rebuilds(plan.Role)
		if plan.Vouches = formatOf(plan.Role) != nil; plan.Vouches {
			plan.Base = dir
		}
	case isPackage(name):
		plan.Class, plan.Roots = repo.Leaf, leafRoots(name)
	}
	return plan, nil
}

// cutRepodata splits a path below a directory repodata, the innermost, into the
// root and the rest.
func cutRepodata(name string) (dir, inside string, ok bool) {
	if i := strings.LastIndex(name, "/"+repodata+"/"); i >= 0 {
		return name[:i], name[i+1:], true
	}
	return "", name, strings.HasPrefix(name, repodata+"/")
}

// indexRoots is dir, and the roots above whose repodata holds it.
func indexRoots(dir string) []string {
	roots := []string{dir}
	for len(roots) < maxRoots {
		above, _, ok := cutRepodata(dir + "/")
		if !ok {
			break
		}
		roots, dir = append(roots, above), above
	}
	return roots
}

// cutSum takes the checksum off that most repositories put before the name of each
// file of metadata, and gives it where it is a strong one. It is that of the file.
func cutSum(file string) (name string, sum digest.Digest) {
	before, after, ok := strings.Cut(file, "-")
	if !ok || after == "" {
		return file, ""
	}
	for _, alg := range []digest.Algorithm{digest.SHA256, digest.SHA512, digest.SHA1, digest.MD5} {
		if d, err := digest.New(alg, before); err == nil && d.Strong() {
			return after, d
		} else if err == nil {
			return after, ""
		}
	}
	return file, ""
}

// rebuilds is the index that a client has who has the one of that role.
func rebuilds(role string) string {
	plain := repo.TrimCompression(role)
	stem, zck := strings.CutSuffix(role, ".zck")
	switch {
	case zck && formatOf(stem) != nil:
		return stem
	case path.Base(plain) == "primary.sqlite":
		return join(dirOf(plain), primary)
	}
	return ""
}

func isPackage(name string) bool {
	ext := path.Ext(name)
	return ext == ".rpm" || ext == ".drpm"
}

// leafRoots begins with the directory that holds the one named as those of packages
// usually are, and goes on with the package's own directory and each above it.
func leafRoots(name string) []string {
	var roots []string
	for dir := dirOf(name); dir != ""; dir = dirOf(dir) {
		if base := path.Base(dir); base == "Packages" || base == "drpms" {
			roots = append(roots, dirOf(dir))
			break
		}
	}
	for dir := dirOf(name); len(roots) < maxRoots; dir = dirOf(dir) {
		if !slices.Contains(roots, dir) {
			roots = append(roots, dir)
		}
		if dir == "" {
			break
		}
	}
	return roots
}

// dirOf is path.Dir with "" for the top.
func dirOf(name string) string {
	return name[:max(strings.LastIndexByte(name, '/'), 0)]
}

// join is path.Join for clean parts, of which dir may be "".
func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}
