package mirror

import (
	"context"
	"errors"
	"fmt"
	"os"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/repo/oci"
)

// ErrNoManifest reports bytes that are no manifest, or of a kind that is not served.
var ErrNoManifest = errors.New("no manifest that can be served")

// ImageIntake takes into a registry what somebody else kept of it.
type ImageIntake struct{ r *registry }

// ImageIntake is for the registry of that name.
func (m *Mirror) ImageIntake(name string) (*ImageIntake, error) {
	r, ok := m.registries[name]
	if !ok {
		return nil, fmt.Errorf("%w: %q is no registry here", ErrUnknownRepo, name)
	}
	return &ImageIntake{r}, nil
}

// Has reports a blob or manifest that the repository is known to have, and that is stored.
func (in *ImageIntake) Has(repository string, d digest.Digest) bool {
	e, ok := in.r.m.store.Entry(in.entry(repository, d))
	return ok && in.r.m.store.Has(e.Digest)
}

func (in *ImageIntake) entry(repository string, d digest.Digest) string {
	return in.r.Name + "/" + repository + "@" + string(d)
}

// Blob takes in a blob of the repository. Nobody may read it for that who may not read
// the repository.
func (in *ImageIntake) Blob(ctx context.Context, repository string, d digest.Digest, o Offer) (cache.Manner, error) {
	if in.Has(repository, d) {
		return cache.There, nil
	}
	f, err := o.Open()
	if err != nil {
		return cache.There, err
	}
	defer f.Close()
	return in.take(ctx, f, repository, d, o, cache.Meta{})
}

func (in *ImageIntake) take(ctx context.Context, f *os.File, repository string, d digest.Digest, o Offer, meta cache.Meta) (cache.Manner, error) {
	manner, _, err := in.r.m.store.Take(ctx, cache.Offer{
		File: f, Name: in.entry(repository, d), Digest: d, Size: o.Size, Account: in.r.Name, Meta: meta, Link: o.Link,
	})
	return manner, err
}

// Manifest takes in a manifest of the repository and tells what it names. One that is
// no manifest, or not the one of the digest, is an error.
func (in *ImageIntake) Manifest(ctx context.Context, repository string, d digest.Digest, o Offer) (oci.Manifest, cache.Manner, error) {
	f, err := o.Open()
	if err != nil {
		return oci.Manifest{}, cache.There, err
	}
	defer f.Close()
	data, err := readWhole(f, oci.ManifestMost)
	if errors.Is(err, errTooLarge) {
		err = fmt.Errorf("%w: %w", ErrNoManifest, err)
	}
	if err == nil {
		err = proves(data, d)
	}
	if err != nil {
		return oci.Manifest{}, cache.There, err
	}
	m, err := oci.ParseManifest(data, "")
	if err != nil {
		return m, cache.There, fmt.Errorf("%w: %w", ErrNoManifest, err)
	}
	if in.Has(repository, d) {
		return m, cache.There, nil
	}
	manner, err := in.take(ctx, f, repository, d, o, cache.Meta{ContentType: m.MediaType})
	return m, manner, err
}

// Tag has a tag lead to a manifest that was taken in, until upstream is asked. One
// that mirrord knows stays: added is false then.
func (in *ImageIntake) Tag(repository, tag string, d digest.Digest) (added bool, err error) {
	name := in.r.Name + "/" + repository + ":" + tag
	if e, ok := in.r.m.store.Entry(name); ok && in.r.m.store.Has(e.Digest) {
		return false, nil
	}
	e, ok := in.r.m.store.Entry(in.entry(repository, d))
	if !ok || !in.r.m.store.Has(e.Digest) {
		return false, fmt.Errorf("%w: %s", cache.ErrNotStored, d)
	}
	return true, in.r.m.store.Propose(name, e)
}

// Public notes that everybody may read the repository, until upstream says no.
func (in *ImageIntake) Public(repository string) { in.r.notePublic(repository) }
