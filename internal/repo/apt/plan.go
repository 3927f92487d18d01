package apt

import (
	"path"
	"strings"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// Adapter knows the layout of Debian archives. The zero value is ready.
type Adapter struct{}

// The files of a root.
const (
	inRelease  = "InRelease"
	release    = "Release"
	releaseGPG = "Release.gpg"
)

// Members groups the files that make a root, the preferred group first.
func (Adapter) Members() [][]string {
	return [][]string{{inRelease}, {release, releaseGPG}}
}

// Plan says what a path, clean as repo.CleanPath leaves it, is in an archive.
//
// Below a directory "dists" all is Index except what apt and dpkg-source check
// themselves; elsewhere the names of indexes make an Index (a flat repository),
// package files and all below "pool" are Leaf, and the rest (keys, README,
// ls-lR.gz) is Free: nothing ever vouches for it.
//
// Roots of an Index and of a Leaf outside pool are the directories that can hold
// its Release: below dists the suite first, elsewhere its own directory and
// then each above it. A Leaf in a pool has none, as every suite may list it.
func (Adapter) Plan(name string) (repo.Plan, error) {
	if name == "" {
		return repo.Plan{}, repo.ErrNotFile
	}
	p := newPlace(name)
	plan := repo.Plan{Path: name, Class: p.class()}
	switch plan.Class {
	case repo.Root:
		plan.Roots, plan.Member = []string{p.dir}, p.file
	case repo.Index:
		plan.Roots = p.roots()
		plan.Digest = p.byHash()
		plan.Rebuilds = rebuilds(name)
		if plan.Vouches = formatOf(name) != nil; plan.Vouches {
			plan.Base = p.base()
		}
	case repo.Leaf:
		if !p.pool {
			plan.Roots = p.roots()
		}
	}
	return plan, nil
}

// place is a path taken apart.
type place struct {
	path, dir, file string
	suite           int  // where the part below "dists/" begins; -1 outside
	pool            bool // outside dists and below a directory "pool"
}

func newPlace(name string) place {
	p := place{path: name, dir: dirOf(name), file: path.Base(name)}
	p.suite = below(name, "dists")
	p.pool = p.suite < 0 && below(name, "pool") >= 0
	return p
}

// below finds where the part of name below the first directory called dir
// begins, -1 where there is none.
func below(name, dir string) int {
	if strings.HasPrefix(name, dir+"/") {
		return len(dir) + 1
	}
	if i := strings.Index(name, "/"+dir+"/"); i >= 0 {
		return i + len(dir) + 2
	}
	return -1
}

// dirOf is path.Dir with "" for the top.
func dirOf(name string) string {
	return name[:max(strings.LastIndexByte(name, '/'), 0)]
}

func (p place) class() repo.Class {
	switch {
	case p.root():
		return repo.Root
	case p.suite >= 0 && isPackage(p.file, true):
		return repo.Leaf
	case p.suite >= 0, isIndex(p.dir, p.file):
		return repo.Index
	case p.pool || isPackage(p.file, false):
		return repo.Leaf
	}
	return repo.Free
}

// root leaves out the small Release files that archives put beside each
// Packages: the suite's Release lists them.
func (p place) root() bool {
	switch p.file {
	case inRelease, release, releaseGPG:
		return p.suite < 0 || !standard(p.dir)
	}
	return false
}

// standard reports a directory in which suites keep Packages or Sources.
func standard(dir string) bool {
	last := path.Base(dir)
	return strings.HasPrefix(last, "binary-") || last == "source"
}

// isPackage tells by the name a file whose hash clients check against Packages
// or Sources. A tarball in a suite is one only where it is named as sources are,
// name_version: netboot.tar.gz, icons-64x64.tar.gz and signed.tar.gz change in
// place, and the Release or a SHA256SUMS vouches for them.
func isPackage(file string, inSuite bool) bool {
	switch path.Ext(file) {
	case ".deb", ".udeb", ".ddeb", ".dsc":
		return true
	}
	named := strings.TrimSuffix(file, ".asc")
	packed := strings.TrimSuffix(named, path.Ext(named))
	archive := path.Ext(packed) == ".tar" || path.Ext(named) == ".tar" || strings.HasSuffix(named, ".diff.gz")
	return archive && (!inSuite || strings.Contains(file, "_"))
}

// isIndex tells by the name what a flat repository's Release may list.
func isIndex(dir, file string) bool {
	if path.Ext(dir) == ".diff" || path.Base(dirOf(dir)) == "by-hash" {
		return true
	}
	if isPackage(file, false) {
		return false
	}
	for _, prefix := range []string{"Packages", "Sources", "Contents", "Translation-", "Components-", "Commands-"} {
		if strings.HasPrefix(file, prefix) {
			return true
		}
	}
	return file == sums
}

// base is what an index's paths are relative to: the top of the archive for
// Packages and Sources of suites, the index's own directory for all others.
func (p place) base() string {
	if p.suite >= 0 && standard(p.dir) && p.file != sums {
		return strings.TrimSuffix(p.path[:p.suite-len("dists/")], "/")
	}
	return p.dir
}

func (p place) roots() []string {
	if p.suite >= 0 {
		return p.suiteRoots()
	}
	dir := p.dir
	if path.Base(dirOf(dir)) == "by-hash" {
		dir = dirOf(dirOf(dir))
	}
	if path.Ext(dir) == ".diff" {
		dir = dirOf(dir)
	}
	roots := []string{dir}
	for dir != "" {
		dir = dirOf(dir)
		roots = append(roots, dir)
	}
	return roots
}

// suiteRoots begins with the directory under dists and goes deeper, since a
// suite's name may hold slashes (buster/updates, stable/prod).
func (p place) suiteRoots() []string {
	var roots []string
	for i := p.suite; i <= len(p.dir); i++ {
		end := i == len(p.dir)
		if !end && p.path[i] != '/' {
			continue
		}
		dir := p.path[:i]
		if len(roots) > 0 && inner(path.Base(dir)) {
			break
		}
		roots = append(roots, dir)
	}
	switch {
	case len(roots) == 0:
		return []string{p.dir}
	case len(roots) > 1 && path.Base(roots[1]) == "updates":
		roots[0], roots[1] = roots[1], roots[0] // Debian security up to buster
	}
	return roots
}

// inner reports the name of a directory that stands inside suites and so never
// holds a root.
func inner(name string) bool {
	switch name {
	case "source", "i18n", "dep11", "cnf", "by-hash", "debian-installer":
		return true
	}
	return strings.HasPrefix(name, "binary-") || strings.HasPrefix(name, "installer-") || path.Ext(name) == ".diff"
}

// The directories of by-hash paths are named as the fields of Release.
var byHashNames = map[string]digest.Algorithm{
	"MD5Sum": digest.MD5, "SHA1": digest.SHA1, "SHA256": digest.SHA256, "SHA512": digest.SHA512,
}

// byHash is the digest that a by-hash path names. A malformed one has none, and
// as no index lists its path it leads nowhere.
func (p place) byHash() digest.Digest {
	if path.Base(dirOf(p.dir)) != "by-hash" {
		return ""
	}
	d, err := digest.New(byHashNames[path.Base(p.dir)], p.file)
	if err != nil {
		return ""
	}
	return d
}
