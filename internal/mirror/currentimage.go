package mirror

import (
	"context"
	"slices"

	"mirrord/internal/digest"
	"mirrord/internal/repo/oci"
)

// CurrentImages is what is stored of one repository of a registry.
type CurrentImages struct {
	Repository string
	// Manifests are those that tags lead to, then those that no index of the
	// repository names.
	Manifests []oci.Tagged
	Held      []digest.Digest // manifests and blobs that the repository is known to have
}

// EachImages calls fn with the repositories of a registry whose names begin with prefix.
func (m *Mirror) EachImages(ctx context.Context, registryName, prefix string, fn func(CurrentImages) error) error {
	c, err := m.choose(Selector{Repo: registryName, Prefix: prefix})
	if err != nil {
		return err
	}
	if c.places[0].reg == nil {
		return badSelector("%s is no registry", registryName)
	}
	w := imageWalk{m: m, fn: fn}
	err = m.each(ctx, c, func(page []name) (bool, error) {
		for _, n := range page {
			if err := w.add(n); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	return w.flush()
}

// imageWalk gathers the names of one repository after the other: in order, the names of
// one stand together.
type imageWalk struct {
	m     *Mirror
	fn    func(CurrentImages) error
	now   CurrentImages
	named map[digest.Digest]bool // by the repository's indexes
	free  []oci.Tagged           // manifests that are stored, without their tags
}

func (w *imageWalk) add(n name) error {
	repository, d, held := cutDigest(n.path)
	tag := ""
	if !held {
		var ok bool
		if repository, tag, ok = cutTag(n.path); !ok || !oci.IsRepository(repository) {
			return nil // a list
		}
		d = n.digest
	}
	if repository != w.now.Repository {
		if err := w.flush(); err != nil {
			return err
		}
		w.now, w.named = CurrentImages{Repository: repository}, make(map[digest.Digest]bool)
	}
	st, err := w.m.store.Stat(d)
	if err != nil {
		return nil // not stored
	}
	e, _ := w.m.store.Entry(n.entryName())
	t := oci.Tagged{MediaType: e.ContentType, Digest: d, Size: st.Size, Tag: tag}
	if held {
		w.now.Held = append(w.now.Held, d)
	}
	switch {
	case !oci.IsManifestType(t.MediaType):
	case tag != "":
		w.now.Manifests = append(w.now.Manifests, t)
	default:
		w.free = append(w.free, t)
		w.name(d)
	}
	return nil
}

// name notes what an index names.
func (w *imageWalk) name(d digest.Digest) {
	c, err := w.m.store.Object(d)
	if err != nil {
		return
	}
	defer c.Close()
	m, err := parseManifest(c)
	if err != nil {
		return
	}
	for _, child := range m.Manifests {
		w.named[child.Digest] = true
	}
}

func (w *imageWalk) flush() error {
	for _, t := range w.free {
		tagged := func(other oci.Tagged) bool { return other.Digest == t.Digest }
		if !w.named[t.Digest] && !slices.ContainsFunc(w.now.Manifests, tagged) {
			w.now.Manifests = append(w.now.Manifests, t)
		}
	}
	done := w.now
	w.now, w.free = CurrentImages{}, nil
	if len(done.Held) == 0 {
		return nil
	}
	return w.fn(done)
}
