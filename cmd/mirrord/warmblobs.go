package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sync/errgroup"

	"mirrord/internal/digest"
	"mirrord/internal/repo/oci"
)

// warmAtOnce is how many layers come at a time; docker takes 3, containerd any.
const warmAtOnce = 4

// blob is a layer or a config.
type blob struct {
	oci.Descriptor
	layer bool
}

// blobs are those of all images, each once. Layers that are not the registry's to
// give, such as those of Windows, are left out: clients fetch them elsewhere.
func (f found) blobs() []blob {
	var all []blob
	seen := map[digest.Digest]bool{}
	add := func(d oci.Descriptor, layer bool) {
		if !seen[d.Digest] && !foreign(d.MediaType) {
			seen[d.Digest] = true
			all = append(all, blob{d, layer})
		}
	}
	for _, m := range f.images {
		if m.Config != nil {
			add(*m.Config, false)
		}
		for _, l := range m.Layers {
			add(l, true)
		}
	}
	return all
}

func foreign(mediaType string) bool {
	return strings.Contains(mediaType, "nondistributable") || strings.Contains(mediaType, ".foreign.")
}

// blobs pulls them and throws them away; the first that fails ends the rest.
func (im *image) blobs(ctx context.Context, all []blob, show progress) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(warmAtOnce)
	for _, b := range all {
		group.Go(func() error {
			var shown bar = unseen{}
			if b.layer {
				shown = show.layer(b.Digest, b.Size)
			}
			err := im.blob(ctx, b, shown)
			shown.end(err)
			if err != nil {
				return fmt.Errorf("%s %s: %w", b.kind(), b.Digest, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func (b blob) kind() string {
	if b.layer {
		return "layer"
	}
	return "config"
}

// blob reads to the end, where the puller compares the digest, and no further than
// one byte more than the manifest said.
func (im *image) blob(ctx context.Context, b blob, to io.Writer) error {
	l, err := im.pull.Layer(ctx, im.repo.Digest(string(b.Digest)))
	if err != nil {
		return err
	}
	body, err := l.Compressed()
	if err != nil {
		return err
	}
	defer body.Close()
	n, err := io.Copy(to, io.LimitReader(body, b.Size+1))
	switch {
	case err != nil:
		return err
	case n > b.Size:
		return fmt.Errorf("more than %d bytes, expected as many", b.Size)
	case n < b.Size:
		return fmt.Errorf("%d bytes, expected %d", n, b.Size)
	}
	return nil
}
