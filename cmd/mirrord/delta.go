package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mirrord/internal/delta"
	"mirrord/internal/durable"
)

const deltaSuffix = ".delta"

func newDeltaCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delta",
		Short: "Make a new file from an old one and the little that differs",
		Long: `Makes, applies and shows deltas of packages, image layers and other files: what turns the old version into the new one, to the bit, at a fraction of its
size. Compressed streams are looked into, also within archives. Temporary files, about as large as what is unpacked, are in TMPDIR.`,
		Args: noArgs,
		RunE: needsCommand,
	}
	cmd.AddCommand(newDeltaMake(), newDeltaApply(), newDeltaInspect())
	return cmd
}

// deltaOutput is the file that a command writes.
type deltaOutput struct {
	path  string
	force bool
}

func (o *deltaOutput) flags(cmd *cobra.Command, otherwise string) {
	cmd.Flags().StringVarP(&o.path, "output", "o", "", "file to write (default: "+otherwise+")")
	cmd.Flags().BoolVar(&o.force, "force", false, "overwrite the output file")
}

// write has fn write the file, which is whole or not there.
func (o *deltaOutput) write(fn func(io.Writer) error) error {
	if _, err := os.Lstat(o.path); err == nil && !o.force {
		return fmt.Errorf("%s exists; --force overwrites it", o.path)
	}
	return durable.Write(o.path, 0o644, fn)
}

// filesNamed takes as many files as names tell, and no empty name.
func filesNamed(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		for i, name := range names {
			if i >= len(args) || args[i] == "" {
				return usagef(cmd, "%s is missing", name)
			}
		}
		if len(args) > len(names) {
			return usagef(cmd, "unexpected argument %q", args[len(names)])
		}
		return nil
	}
}

// contentFile is a plain file, to be read at any place.
type contentFile struct {
	*io.SectionReader
	io.Closer
}

func openContent(path string) (contentFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return contentFile{}, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no plain file", path)
	}
	if err != nil {
		f.Close()
		return contentFile{}, err
	}
	return contentFile{io.NewSectionReader(f, 0, info.Size()), f}, nil
}

func newDeltaMake() *cobra.Command {
	var o deltaOutput
	cmd := &cobra.Command{
		Use:   "make BASE TARGET",
		Short: "Write a delta that makes TARGET from BASE",
		Args:  filesNamed("BASE", "TARGET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.path == "" {
				o.path = args[1] + deltaSuffix
			}
			return runDeltaMake(cmd, &o, args[0], args[1])
		},
	}
	o.flags(cmd, "TARGET"+deltaSuffix)
	return cmd
}

func runDeltaMake(cmd *cobra.Command, o *deltaOutput, basePath, targetPath string) error {
	base, err := openContent(basePath)
	if err != nil {
		return err
	}
	defer base.Close()
	target, err := openContent(targetPath)
	if err != nil {
		return err
	}
	defer target.Close()
	var info delta.Info
	err = o.write(func(w io.Writer) (err error) {
		info, err = delta.Make(cmd.Context(), w, base, target, delta.Options{})
		return err
	})
	if errors.Is(err, delta.ErrNotWorth) {
		return fmt.Errorf("%s: %w", targetPath, err)
	}
	if err == nil {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", o.path, deltaSize(info))
	}
	return err
}

func deltaSize(info delta.Info) string {
	return fmt.Sprintf("%d bytes, %.1f %% of the target", info.Size, 100*float64(info.Size)/float64(max(1, info.Target.Size)))
}

func newDeltaApply() *cobra.Command {
	var o deltaOutput
	cmd := &cobra.Command{
		Use:   "apply BASE DELTA",
		Short: "Write the file that a delta makes from BASE",
		Args:  filesNamed("BASE", "DELTA"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.path == "" {
				name, named := strings.CutSuffix(args[1], deltaSuffix)
				if !named || filepath.Base(args[1]) == deltaSuffix {
					return usagef(cmd, "%s does not end in %s; --output says what to write", args[1], deltaSuffix)
				}
				o.path = name
			}
			return runDeltaApply(cmd, &o, args[0], args[1])
		},
	}
	o.flags(cmd, "DELTA without "+deltaSuffix)
	return cmd
}

func runDeltaApply(cmd *cobra.Command, o *deltaOutput, basePath, deltaPath string) error {
	base, err := openContent(basePath)
	if err != nil {
		return err
	}
	defer base.Close()
	d, err := os.Open(deltaPath)
	if err != nil {
		return err
	}
	defer d.Close()
	err = o.write(func(w io.Writer) error { return delta.Apply(cmd.Context(), w, base, d, delta.Options{}) })
	switch {
	case errors.Is(err, delta.ErrBase):
		return fmt.Errorf("%s: %w", basePath, err)
	case deltaAtFault(err):
		return fmt.Errorf("%s: %w", deltaPath, err)
	}
	return err
}

// deltaAtFault tells what is wrong with a delta from a disk that fails.
func deltaAtFault(err error) bool {
	return errors.Is(err, delta.ErrVersion) || errors.Is(err, delta.ErrCorrupt) || errors.Is(err, delta.ErrLimit)
}
