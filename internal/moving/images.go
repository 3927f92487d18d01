package moving

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/mirror"
	"mirrord/internal/repo/oci"
	"mirrord/internal/tree"

	"golang.org/x/sync/errgroup"
)

// Images takes repositories of images into one registry.
type Images struct {
	Mirror *mirror.Mirror
	Tree   *tree.Tree
	Repo   string // the registry
	Link   bool   // as cache.Offer's
	Public bool   // everybody may read them, until upstream says no
	Log    *Log

	did sync.Map // paths that were shown
}

// imageSet is one repository of a Tree.
type imageSet struct {
	name  string
	blobs []digest.Digest
	// manifests are taken in before the blobs. Those that they name need not be among them.
	manifests []digest.Digest
	tags      []imageTag
	path      func(digest.Digest) string // where the Tree has the bytes
}

type imageTag struct {
	name   string
	digest digest.Digest
}

// imageTaker takes one repository in.
type imageTaker struct {
	*Images
	to   *mirror.ImageIntake
	set  imageSet
	seen map[digest.Digest]bool // manifests
}

func (im *Images) take(ctx context.Context, set imageSet) error {
	to, err := im.Mirror.ImageIntake(im.Repo)
	if err != nil {
		return err
	}
	t := imageTaker{Images: im, to: to, set: set, seen: make(map[digest.Digest]bool)}
	for _, d := range set.manifests {
		if err := t.manifest(ctx, d, 0); err != nil {
			return err
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, d := range set.blobs {
		if !t.seen[d] {
			g.Go(func() error { return t.blob(gctx, d) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, tag := range set.tags {
		if err := t.tag(tag); err != nil {
			return err
		}
	}
	if im.Public {
		to.Public(set.name)
	}
	return nil
}

// nestedMost is how deep indexes may lie in each other.
const nestedMost = 3

// manifest takes one in, and those that it names and that are there.
func (t imageTaker) manifest(ctx context.Context, d digest.Digest, depth int) error {
	if t.seen[d] || depth > nestedMost {
		return nil
	}
	t.seen[d] = true
	var named []oci.Descriptor
	err := t.one(d, depth == 0, func(o mirror.Offer) (cache.Manner, error) {
		m, manner, err := t.to.Manifest(ctx, t.set.name, d, o)
		named = m.Manifests
		return manner, err
	})
	for _, child := range named {
		if err == nil {
			err = t.manifest(ctx, child.Digest, depth+1)
		}
	}
	return err
}

func (t imageTaker) blob(ctx context.Context, d digest.Digest) error {
	return t.one(d, true, func(o mirror.Offer) (cache.Manner, error) { return t.to.Blob(ctx, t.set.name, d, o) })
}

// one opens what a digest names and has it taken in; one that is not there is a
// problem where it must be.
func (t imageTaker) one(d digest.Digest, must bool, take func(mirror.Offer) (cache.Manner, error)) error {
	f := tree.File{Path: t.set.path(d)}
	info, err := t.Tree.Stat(f.Path)
	if errors.Is(err, fs.ErrNotExist) && !must {
		return nil
	}
	var manner cache.Manner
	if err != nil {
		err = unreadableError{err}
	} else {
		f.Info = info
		manner, err = take(mirror.Offer{Open: func() (*os.File, error) { return open(t.Tree, f.Path) }, Size: info.Size(), Link: t.Link})
		if _, again := t.did.LoadOrStore(f.Path, true); !again { // repositories share blobs
			t.Log.show.Did(info.Size())
		}
	}
	return t.Log.verdict(t.Repo, f, mirror.Taken{Manner: manner}, err)
}

func (t imageTaker) tag(tag imageTag) error {
	_, err := t.to.Tag(t.set.name, tag.name, tag.digest)
	if errors.Is(err, cache.ErrNotStored) {
		t.Log.Line("left out: tag %s:%s: its manifest is not there", t.set.name, tag.name)
		return nil
	}
	return err
}

// Registry takes in what docker-registry has.
func (im *Images) Registry(ctx context.Context) error {
	blobs, err := CountRegistry(ctx, im.Tree)
	if err != nil {
		return err
	}
	im.Log.show.Expect(blobs.Files, blobs.Bytes)
	var set imageSet
	flush := func() error {
		done := set
		set = imageSet{path: oci.StoredBlob}
		if done.name == "" {
			return nil
		}
		return im.take(ctx, done)
	}
	err = im.eachLink(ctx, func(k oci.Kept, f tree.File) error {
		if k.Repository != set.name {
			if err := flush(); err != nil {
				return err
			}
			set.name = k.Repository
		}
		return im.gather(&set, k, f)
	})
	if err != nil {
		return err
	}
	return flush()
}

// eachLink calls fn with the links of a docker-registry's repositories.
func (im *Images) eachLink(ctx context.Context, fn func(oci.Kept, tree.File) error) error {
	return im.Tree.Walk(ctx, oci.StorageRepositories, nil, func(f tree.File) error {
		k, ok := oci.ParseKept(strings.TrimPrefix(f.Path, oci.StorageRepositories+"/"))
		if !ok {
			return nil
		}
		return fn(k, f)
	}, im.Log.passed)
}

// gather reads a link.
func (im *Images) gather(set *imageSet, k oci.Kept, f tree.File) error {
	data, err := im.Tree.Read(f.Path, oci.LinkMost)
	if err != nil {
		im.Log.Unreadable(f.Path, err)
		return nil
	}
	d, err := oci.ParseLink(data)
	if err == nil && k.Digest != "" && d != k.Digest {
		err = errors.New("it holds another digest than its path")
	}
	switch {
	case err != nil:
		im.Log.count(im.Repo, func(s *Sum) { s.Wrong++ })
		im.Log.Line("wrong: %q: %v", f.Path, err)
	case k.Kind == oci.KindTags:
		set.tags = append(set.tags, imageTag{k.Tag, d})
	case k.Kind == oci.KindManifest:
		set.manifests = append(set.manifests, d)
	default:
		set.blobs = append(set.blobs, d)
	}
	return nil
}
