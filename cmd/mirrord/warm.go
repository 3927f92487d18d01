package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mirrord/internal/mirror"
	"mirrord/internal/repo/oci"
)

type warmOptions struct {
	remoteOptions
	platform string
}

func newWarmCommand() *cobra.Command {
	var o warmOptions
	cmd := &cobra.Command{
		Use:   "warm IMAGE... | /REPO/PATH...",
		Short: "Fill a mirrord's cache ahead of time",
		Long: "Pulls images through a running mirrord, checks every digest and keeps nothing, so that the next pull is a hit.\n" +
			"A target that begins with / is a path, a directory/ or a pattern of another repository, which the mirrord fetches\n" +
			"as far as the indexes that its clients use name it (which needs a token).",
		Args: images,
		RunE: func(cmd *cobra.Command, args []string) error {
			paths := slices.DeleteFunc(slices.Clone(args), func(a string) bool { return !strings.HasPrefix(a, "/") })
			switch {
			case len(paths) == 0:
				return runWarm(cmd, o, args)
			case len(paths) < len(args):
				return usagef(cmd, "images and paths, expected only one of them")
			}
			return warmPaths(cmd, o.remoteOptions, paths)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.platform, "platform", "linux/"+runtime.GOARCH, "of images: OS/ARCHITECTURE[/VARIANT], or all")
	return cmd
}

// warmPaths has the mirrord fetch what the targets name.
func warmPaths(cmd *cobra.Command, o remoteOptions, args []string) error {
	r, err := o.open(cmd)
	if err != nil {
		return err
	}
	failed := 0
	for _, arg := range args {
		var got mirror.Warmed
		if err := r.call(cmd.Context(), "POST", "/warm", parseTarget(arg), &got); err != nil {
			return fmt.Errorf("%s: %w", arg, err)
		}
		if failed += got.Failed; got.Failed > 0 {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d failed, the first: %s\n", arg, got.Failed, oneLine(got.Error))
		}
		if !r.json {
			fmt.Fprintf(r.out, "%s: %d matched, %d fetched, %s\n", arg, got.Matched, got.Fetched, megabytes(got.Bytes))
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d could not be fetched", failed)
	}
	return nil
}

// images refuses a command line without any.
func images(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef(cmd, "an image is missing, such as alpine:3")
	}
	return nil
}

func runWarm(cmd *cobra.Command, o warmOptions, args []string) error {
	wants, err := parsePlatform(o.platform)
	if err != nil {
		return usagef(cmd, "--platform: %v", err)
	}
	cfg, err := loadConfig(o.config)
	if err != nil {
		return err
	}
	to, err := findRegistries(cmd, o.server, cfg)
	if err != nil {
		return err
	}
	var refs []oci.Reference // all are read before the first is pulled
	for _, arg := range args {
		ref, err := to.parse(arg)
		if err != nil {
			return err
		}
		refs = append(refs, ref)
	}
	for i, ref := range refs {
		if err := warm(cmd, to, ref, args[i], wants); err != nil {
			return fmt.Errorf("%s: %w", args[i], err)
		}
	}
	return nil
}

// parsePlatform is nil for all.
func parsePlatform(s string) (*oci.Platform, error) {
	if s == "all" {
		return nil, nil
	}
	p, err := oci.ParsePlatform(s)
	return &p, err
}

// warm pulls one image and says what that was; given is how the user named it.
func warm(cmd *cobra.Command, to registries, ref oci.Reference, given string, wants *oci.Platform) error {
	im, err := newImage(to, ref)
	if err != nil {
		return err
	}
	defer im.way.close()
	found, err := im.manifests(cmd.Context(), wants)
	if err != nil {
		return err
	}
	show := newProgress(cmd.OutOrStdout())
	err = im.blobs(cmd.Context(), found.blobs(), show)
	show.wait()
	if err != nil {
		return err
	}
	layers, size, hits := 0, int64(0), 0
	for _, b := range found.blobs() {
		if b.layer {
			layers++
			size += b.Size
		}
		if b.layer && hit(im.way.status(string(b.Digest))) {
			hits++
		}
	}
	noun := "layers"
	if layers == 1 {
		noun = "layer"
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %d %s, %s, digest %s; %d from the cache\n", given, layers, noun, megabytes(size), found.digest, hits)
	return nil
}

// found is what a reference leads to.
type found struct {
	digest string // of what the reference names: an index, or an image
	images []oci.Manifest
}

// manifests fetches what the reference names and, of an index, what it lists for the
// platform. Every manifest passes through the mirrord, which is what fills it.
func (im *image) manifests(ctx context.Context, wants *oci.Platform) (found, error) {
	d, m, err := im.manifest(ctx, im.ref.Identifier())
	if err != nil {
		return found{}, err
	}
	f := found{digest: d}
	return f, im.follow(ctx, m, wants, 0, &f)
}

// maxNesting is how deep indexes may lie in each other; builders make one level.
const maxNesting = 3

func (im *image) follow(ctx context.Context, m oci.Manifest, wants *oci.Platform, depth int, to *found) error {
	if !m.Index {
		to.images = append(to.images, m)
		return nil
	}
	if depth == maxNesting {
		return errors.New("indexes within indexes, expected at most 3")
	}
	chosen := m.Manifests
	if wants != nil {
		chosen = slices.DeleteFunc(slices.Clone(chosen), func(d oci.Descriptor) bool { return d.Platform == nil || !wants.Matches(*d.Platform) })
	}
	if len(chosen) == 0 && wants != nil {
		return fmt.Errorf("no manifest for %s; it has %s", wants, platforms(m.Manifests))
	}
	for _, d := range chosen {
		_, child, err := im.manifest(ctx, string(d.Digest))
		if err != nil {
			return err
		}
		if err := im.follow(ctx, child, wants, depth+1, to); err != nil {
			return err
		}
	}
	return nil
}

// manifest fetches one by tag or digest; one by digest comes checked.
func (im *image) manifest(ctx context.Context, identifier string) (digest string, m oci.Manifest, err error) {
	ref := im.ref
	if identifier != ref.Identifier() {
		ref = im.repo.Digest(identifier)
	}
	desc, err := im.pull.Get(ctx, ref)
	if err != nil {
		return "", m, fmt.Errorf("manifest %s: %w", identifier, unreachable(err))
	}
	if len(desc.Manifest) > oci.ManifestMost {
		return "", m, fmt.Errorf("manifest %s: %d bytes, expected at most %d", identifier, len(desc.Manifest), oci.ManifestMost)
	}
	m, err = oci.ParseManifest(desc.Manifest, string(desc.MediaType))
	if err != nil {
		return "", m, fmt.Errorf("manifest %s: %w", identifier, err)
	}
	return desc.Digest.String(), m, nil
}

// platforms lists what an index has; attestations, which run nowhere, are left out.
func platforms(list []oci.Descriptor) string {
	var all []string
	for _, d := range list {
		if d.Platform != nil && d.Platform.OS != "unknown" && !slices.Contains(all, d.Platform.String()) {
			all = append(all, d.Platform.String())
		}
	}
	if len(all) == 0 {
		return "none that is named"
	}
	return strings.Join(all, ", ")
}
