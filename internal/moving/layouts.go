package moving

import (
	"context"
	"errors"
	"path"
	"strings"

	"mirrord/internal/digest"
	"mirrord/internal/repo/oci"
	"mirrord/internal/tree"
)

// Layouts takes in the image layouts below the directory that has the registry's name:
// each is the repository of its path.
func (im *Images) Layouts(ctx context.Context) error {
	size := Count{}
	var dirs []string
	err := im.Tree.Walk(ctx, im.Repo, nil, func(f tree.File) error {
		if path.Base(f.Path) == oci.LayoutFile {
			dirs = append(dirs, path.Dir(f.Path))
		} else {
			size.add(f)
		}
		return nil
	}, im.Log.passed)
	if err != nil {
		return err
	}
	im.Log.show.Expect(size.Files, size.Bytes)
	for _, dir := range dirs {
		repository := strings.TrimPrefix(strings.TrimPrefix(dir, im.Repo), "/")
		if !oci.IsRepository(repository) {
			im.Log.passed(tree.Problem{Path: dir, Reason: "no name of a repository"})
			continue
		}
		set, err := im.layout(ctx, dir)
		if err != nil {
			im.Log.count(im.Repo, func(s *Sum) { s.Wrong++ })
			im.Log.Line("wrong: %q: %v", path.Join(dir, oci.LayoutIndex), err)
			continue
		}
		set.name = repository
		if err := im.take(ctx, set); err != nil {
			return err
		}
	}
	return nil
}

// layout reads what one holds.
func (im *Images) layout(ctx context.Context, dir string) (imageSet, error) {
	set := imageSet{path: func(d digest.Digest) string { return path.Join(dir, oci.LayoutBlob(d)) }}
	data, err := im.Tree.Read(path.Join(dir, oci.LayoutIndex), oci.LayoutIndexMost)
	if err != nil {
		return set, errors.New(tree.Reason(err))
	}
	list, err := oci.ParseLayout(data)
	if err != nil {
		return set, err
	}
	for _, m := range list {
		set.manifests = append(set.manifests, m.Digest)
		if m.Tag != "" {
			set.tags = append(set.tags, imageTag{m.Tag, m.Digest})
		}
	}
	err = im.Tree.Walk(ctx, path.Join(dir, "blobs"), nil, func(f tree.File) error {
		d, err := digest.New(digest.Algorithm(path.Base(path.Dir(f.Path))), path.Base(f.Path))
		if err == nil && d.Strong() && set.path(d) == f.Path {
			set.blobs = append(set.blobs, d)
		}
		return nil
	}, im.Log.passed)
	return set, err
}
