package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mirrord/internal/config"
	"mirrord/internal/moving"
	"mirrord/internal/repo/oci"
	"mirrord/internal/tree"
)

func importRegistry(cmd *cobra.Command, o *importOptions, t *tree.Tree) error {
	cfg, err := o.load()
	if err != nil {
		return err
	}
	registry, err := o.registry(cmd, cfg)
	if err != nil {
		return err
	}
	count, err := moving.CountRegistry(cmd.Context(), t)
	if err != nil {
		return fmt.Errorf("%s: %s: %s, expected docker-registry's rootdirectory", t.Dir, oci.StorageBlobs, tree.Reason(err))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s -> %s: %d blobs, %s\n", t.Dir, registry, count.Files, inUnits(count.Bytes))
	if o.dryRun {
		return nil
	}
	return o.take(cmd, cfg, t, moving.PlainTree{}, nil, func(ctx context.Context, h *depot, log *moving.Log) error {
		im := moving.Images{Mirror: h.mirror, Tree: t, Repo: registry, Link: o.link, Public: o.public, Log: log}
		return im.Registry(ctx)
	})
}

// registry is the one that --repo names, else the only one.
func (o *importOptions) registry(cmd *cobra.Command, cfg *config.Config) (string, error) {
	if len(o.repos) > 1 {
		return "", usagef(cmd, "--repo stands twice, expected the one registry that the images are of")
	}
	var all []string
	for _, r := range cfg.Repos {
		if r.Type == config.OCI && (len(o.repos) == 0 || r.Name == o.repos[0]) {
			all = append(all, r.Name)
		}
	}
	switch {
	case len(all) == 1:
		return all[0], nil
	case len(o.repos) == 1:
		return "", usagef(cmd, "--repo %s: no repository of type oci of that name in %s", o.repos[0], cfg.File)
	case len(all) == 0:
		return "", usagef(cmd, "there is no repository of type oci in %s", cfg.File)
	}
	return "", usagef(cmd, "--repo is missing, expected the registry that the images are of: %s", strings.Join(all, ", "))
}

func importExport(cmd *cobra.Command, o *importOptions, t *tree.Tree) error {
	manifest, err := moving.ReadManifest(t)
	if err != nil {
		return fmt.Errorf("%s: %w; mirrord import tree takes over any mirror", t.Dir, err)
	}
	cfg, err := o.load()
	if err != nil {
		return err
	}
	repos, err := o.chosen(cmd, cfg)
	if err != nil {
		return err
	}
	var mounts []moving.Mount
	var registries []string
	for _, r := range manifest.Repositories {
		switch {
		case !has(repos, r):
			fmt.Fprintf(cmd.OutOrStdout(), "%s: left out, no repository of that name and of type %s is configured, or asked for\n", r.Name, r.Type)
		case r.Type == moving.OCI:
			registries = append(registries, r.Name)
		default:
			mounts = append(mounts, moving.Mount{Dir: r.Name, Repo: r.Name})
		}
	}
	if len(mounts)+len(registries) == 0 {
		return fmt.Errorf("%s: nothing in it is of a configured repository", t.Dir)
	}
	if o.dryRun {
		return o.surveyExport(cmd, t, manifest, mounts, registries)
	}
	return o.take(cmd, cfg, t, manifest, mounts, func(ctx context.Context, h *depot, log *moving.Log) error {
		for _, name := range registries {
			im := moving.Images{Mirror: h.mirror, Tree: t, Repo: name, Link: o.link, Public: o.public, Log: log}
			if err := im.Layouts(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// surveyExport says what there is of the repositories that are taken over.
func (o *importOptions) surveyExport(cmd *cobra.Command, t *tree.Tree, manifest moving.Manifest, mounts []moving.Mount, registries []string) error {
	for _, name := range registries {
		mounts = append(mounts, moving.Mount{Dir: name, Repo: name})
	}
	return o.survey(cmd, t, manifest, mounts)
}

func has(repos []moving.Repo, r moving.ExportedRepo) bool {
	for _, other := range repos {
		if other.Name == r.Name && other.Type == r.Type {
			return true
		}
	}
	return false
}
