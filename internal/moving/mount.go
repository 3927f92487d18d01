package moving

import (
	"net/url"
	"path"
	"strings"

	"mirrord/internal/repo"
	"mirrord/internal/tree"
)

// Repo is a configured repository, as far as it matters here.
type Repo struct {
	Name      string
	Type      string // apt, rpm, generic, oci
	Upstreams []*url.URL
}

// OCI is the Type of registries.
const OCI = "oci"

// Mount says which repository a directory is.
type Mount struct {
	Dir  string // in the Tree, "" its top
	Repo string
	At   string // where in the repository it stands, "" at the top
}

// path is what the file at p of the Tree is in the repository; false where no client
// could ask for it.
func (m Mount) path(p string) (string, bool) {
	rest := strings.TrimPrefix(strings.TrimPrefix(p, m.Dir), "/")
	in := path.Join(m.At, rest)
	clean, err := repo.CleanName(in)
	return clean, err == nil && clean == in
}

// file is where the Tree has a path of the repository; false where it is none of the
// mount's.
func (m Mount) file(in string) (string, bool) {
	rest := in
	if m.At != "" {
		var ok bool
		if rest, ok = strings.CutPrefix(in, m.At+"/"); !ok {
			return "", false
		}
	}
	return path.Join(m.Dir, rest), true
}

// String is how people are told of it.
func (m Mount) String() string {
	return path.Join(".", m.Dir) + " -> " + path.Join(m.Repo, m.At)
}

// below tells which directories of all are mounts of their own: a walk of another one
// does not enter them.
func below(all []Mount, m Mount) func(dir string) bool {
	return func(dir string) bool {
		for _, other := range all {
			if other != m && other.Dir == dir {
				return true
			}
		}
		return false
	}
}

// Kept is what the keeper of a Tree knows of a file in it.
type Kept struct {
	Meta  Validators
	Whole bool // or not known not to be; where nobody vouches for the file it counts
}

// Keeper knows how a program keeps files.
type Keeper interface {
	// Own reports a file that is the program's, not one of a repository.
	Own(p string) bool
	// Kept tells of the file at p, which is that path of the repository; ok is false
	// where the program does not say that it is a file of upstream's.
	Kept(t *tree.Tree, f tree.File, repo, path string) (k Kept, ok bool)
}
