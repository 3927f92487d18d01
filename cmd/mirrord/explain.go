package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/spf13/cobra"

	"mirrord/internal/config"
	"mirrord/internal/repo/oci"
)

// headFor is how long the server may take: it may have to ask upstream first.
const headFor = 15 * time.Second

func newExplainCommand() *cobra.Command {
	var o remoteOptions
	cmd := &cobra.Command{
		Use:   "explain IMAGE | /REPO/PATH",
		Short: "Say what an image or a path means to a mirrord",
		Long: "Says what a reference to an image means to a mirrord and what it serves for it,\n" +
			"or, for a path that begins with /, all that the mirrord knows of it (which needs a token).",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef(cmd, "unexpected argument %q", args[1])
			}
			return images(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.HasPrefix(args[0], "/") {
				return explainPath(cmd, o, args[0])
			}
			return runExplain(cmd, o.server, o.config, args[0])
		},
	}
	o.flags(cmd)
	return cmd
}

func runExplain(cmd *cobra.Command, server, file, given string) error {
	cfg, err := loadConfig(file)
	if err != nil {
		return err
	}
	to, err := findRegistries(cmd, server, cfg)
	if err != nil {
		return err
	}
	ref, err := to.parse(given)
	if err != nil {
		return err
	}
	if ref.Digest == "" {
		ref.Tag = cmp.Or(ref.Tag, "latest")
	}
	table, err := aliases(cfg)
	if err != nil {
		return err
	}
	places, err := to.table().Places(oci.Request{
		Kind: oci.KindManifest, Namespace: ref.Registry, Repository: ref.Repository, Tag: tagOf(ref), Digest: ref.Digest,
	}, table)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	row(out, "reference", ref.String())
	told := file != "" || server == ""
	if !told {
		row(out, "aliases", "unknown: give the server's --config")
	}
	for i, p := range places {
		if i > 0 {
			row(out, "otherwise", "")
		}
		printPlace(out, cfg, to, ref, p)
		if told {
			printUpstreams(out, cfg, p)
		}
	}
	printServed(cmd, to, ref)
	return nil
}

// tagOf is what is asked for: a digest makes a tag beside it a mere remark.
func tagOf(ref oci.Reference) string {
	if ref.Digest != "" {
		return ""
	}
	return ref.Tag
}

// row writes a name and its value, in columns.
func row(out io.Writer, name, value string) {
	if value == "" {
		fmt.Fprintln(out, name)
		return
	}
	fmt.Fprintf(out, "%-12s%s\n", name, value)
}

func printPlace(out io.Writer, cfg *config.Config, to registries, ref oci.Reference, p oci.Place) {
	for _, alias := range cfg.Aliases {
		if from, err := to.parse(alias.From); err == nil && p.By != nil && from == p.By.From {
			row(out, "alias", fmt.Sprintf("%s -> %s (%s:%d)", alias.From, alias.To, cfg.File, alias.Line))
		}
	}
	row(out, "registry", p.Registry)
	row(out, "repository", p.Repository)
	if p.Tag != "" {
		row(out, "tag", p.Tag)
	}
	if d := cmp.Or(p.Digest, ref.Digest); d != "" {
		row(out, "digest", string(d))
	}
}

func printUpstreams(out io.Writer, cfg *config.Config, p oci.Place) {
	for _, repo := range cfg.Repos {
		if repo.Name != p.Registry || repo.Type != config.OCI {
			continue
		}
		for _, u := range repo.Upstreams {
			bare := *u
			bare.User = nil
			row(out, "upstream", bare.String())
		}
	}
}

// printServed asks the server for it by HEAD. One that does not answer, or says no,
// is no failure.
func printServed(cmd *cobra.Command, to registries, ref oci.Reference) {
	out := cmd.OutOrStdout()
	ctx, cancel := context.WithTimeout(cmd.Context(), headFor)
	defer cancel()
	im, err := newImage(to, ref)
	if err != nil {
		row(out, "served", "unknown: "+oneLine(err.Error()))
		return
	}
	defer im.way.close()
	desc, err := im.pull.Head(ctx, im.ref)
	var refused *transport.Error
	if errors.As(err, &refused) {
		row(out, "served", fmt.Sprintf("nothing: %d %s", refused.StatusCode, http.StatusText(refused.StatusCode)))
		return
	}
	if err != nil {
		row(out, "served", "no answer: "+oneLine(unreachable(err).Error()))
		return
	}
	row(out, "served", desc.Digest.String())
	if status := im.way.status(im.ref.Identifier()); status != "" {
		row(out, "status", status)
	}
}
