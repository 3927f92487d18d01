package moving

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"syscall"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/mirror"
	"mirrord/internal/repo/oci"
	"mirrord/internal/tree"
)

// Export writes what is stored as a plain tree.
type Export struct {
	Mirror *mirror.Mirror
	Store  *cache.Store
	Repos  []Repo
	Prefix string // of the paths, or of the repositories of a registry, that are exported
	Link   bool   // the files are the objects themselves, where that can be
	Log    *Log
}

// Run writes to a directory that is new, empty, or an earlier export. Files of an
// earlier one that are not current any more stay.
func (ex Export) Run(ctx context.Context, dir string) error {
	to, m, err := openTarget(dir, ex.Link)
	if err != nil {
		return err
	}
	defer to.close()
	for _, r := range ex.Repos {
		w := exporter{Export: ex, to: to, repo: m.find(r)}
		if r.Type == OCI {
			err = ex.Mirror.EachImages(ctx, r.Name, ex.Prefix, func(c mirror.CurrentImages) error { return w.images(ctx, c) })
		} else {
			err = ex.Mirror.EachCurrent(ctx, r.Name, ex.Prefix, func(c mirror.Current) error { return w.file(ctx, c) })
		}
		if err != nil {
			return err
		}
	}
	return to.finish(m)
}

// exporter writes one repository.
type exporter struct {
	Export
	to   *target
	repo *ExportedRepo
}

func (w exporter) file(ctx context.Context, c mirror.Current) error {
	v := validatorsOf(c.Meta)
	w.repo.note(c.Path, v)
	times, _ := http.ParseTime(v.LastModified)
	return w.object(ctx, path.Join(w.repo.Name, c.Path), c.Digest, times)
}

// object writes one object, or tells why not. An error ends everything.
func (w exporter) object(ctx context.Context, p string, d digest.Digest, times time.Time) error {
	f, size, err := w.Store.File(d)
	if err != nil {
		return w.failed(p, fmt.Errorf("%w (%s)", errRotten, tree.Reason(err)))
	}
	defer f.Close()
	manner, err := w.to.put(ctx, p, d, f, size, times)
	if err != nil {
		return w.failed(p, err)
	}
	w.Log.count(w.repo.Name, func(s *Sum) { s.add(mirror.Taken{Manner: manner}, size) })
	w.Log.show.Did(size)
	return nil
}

// failed counts a file that was not written, and gives the error back where no other
// could be written either.
func (w exporter) failed(p string, err error) error {
	for _, end := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO, context.Canceled} {
		if errors.Is(err, end) {
			return fmt.Errorf("%q: %w", p, err)
		}
	}
	if errors.Is(err, cache.ErrRotten) {
		w.Log.count(w.repo.Name, func(s *Sum) { s.Wrong++ })
		w.Log.Line("wrong: %q: %v", p, err)
		return nil
	}
	w.Log.count(w.repo.Name, func(s *Sum) { s.Unreadable++ })
	w.Log.Unreadable(p, err)
	return nil
}

// images writes a repository of a registry as an image layout.
func (w exporter) images(ctx context.Context, c mirror.CurrentImages) error {
	dir := path.Join(w.repo.Name, c.Repository)
	for element := range strings.SplitSeq(c.Repository, "/") {
		if element == "blobs" || element == oci.LayoutIndex || element == oci.LayoutFile {
			return w.failed(dir, fmt.Errorf("%q has another meaning in an image layout", element))
		}
	}
	for _, d := range c.Held {
		if err := w.object(ctx, path.Join(dir, oci.LayoutBlob(d)), d, time.Time{}); err != nil {
			return err
		}
	}
	index, err := oci.WriteLayout(c.Manifests)
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{oci.LayoutIndex: index, oci.LayoutFile: []byte(oci.LayoutMark)} {
		if err := w.to.putBytes(path.Join(dir, name), text); err != nil {
			return w.failed(path.Join(dir, name), err)
		}
	}
	return nil
}
