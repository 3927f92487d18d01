package moving

import (
	"net/http"
	"strings"

	"mirrord/internal/acng"
	"mirrord/internal/tree"
)

// PlainTree keeps files as they are.
type PlainTree struct {
	Times bool // the files' times are what upstream called Last-Modified
}

// Own is false: all files are upstream's.
func (PlainTree) Own(string) bool { return false }

// Kept takes the file's time for Last-Modified where that is its.
func (k PlainTree) Kept(_ *tree.Tree, f tree.File, _, _ string) (Kept, bool) {
	kept := Kept{Whole: true}
	if k.Times {
		kept.Meta.LastModified = f.Info.ModTime().UTC().Format(http.TimeFormat)
	}
	return kept, true
}

// ACNG is apt-cacher-ng, which keeps a header beside each file.
type ACNG struct{}

// Own reports its own directories, and the headers.
func (ACNG) Own(p string) bool {
	first, _, below := strings.Cut(p, "/")
	return !below || acng.Own(first) || strings.HasSuffix(p, acng.HeadExt)
}

// Kept reads the header. A file without one is not known to be anybody's.
func (ACNG) Kept(t *tree.Tree, f tree.File, _, _ string) (Kept, bool) {
	h, err := head(t, f.Path)
	if err != nil {
		return Kept{}, false
	}
	return Kept{
		Meta:  Validators{ETag: h.ETag, LastModified: h.LastModified},
		Whole: h.Size < 0 || h.Size == f.Info.Size(),
	}, true
}

// head reads the header beside a file.
func head(t *tree.Tree, p string) (acng.Head, error) {
	data, err := t.Read(p+acng.HeadExt, acng.HeadMost)
	if err != nil {
		return acng.Head{}, err
	}
	return acng.ParseHead(data)
}
