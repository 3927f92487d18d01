package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// trees unpacks the packages that no Debian is without, in their older and their newer
// versions.
func (a apt) trees(ctx context.Context, scratch string) (old, new string, err error) {
	out, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${Priority} ${Package}\n").Output()
	if err != nil {
		return "", "", err
	}
	old, new = filepath.Join(scratch, "old"), filepath.Join(scratch, "new")
	for line := range strings.Lines(string(out)) {
		name, required := strings.CutPrefix(strings.TrimSpace(line), "required ")
		if !required {
			continue
		}
		older, newer, err := a.versions(ctx, name)
		if errors.Is(err, errOneVersion) {
			older, newer, err = name, name, nil
		}
		if err != nil {
			return "", "", err
		}
		if err := a.unpack(ctx, older, old); err != nil {
			return "", "", err
		}
		if err := a.unpack(ctx, newer, new); err != nil {
			return "", "", err
		}
	}
	return old, new, nil
}

func (a apt) unpack(ctx context.Context, spec, dir string) error {
	deb, err := a.fetch(ctx, spec)
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "dpkg-deb", "-x", deb, dir).CombinedOutput(); err != nil {
		return fmt.Errorf("dpkg-deb -x %s: %w: %s", deb, err, out)
	}
	return nil
}

// layer makes the base layer of an image of the trees, compressed as docker compresses.
func layer(old, new, scratch string) (u update, err error) {
	u = update{name: baseLayer, old: filepath.Join(scratch, "layer-old.tar.gz"), new: filepath.Join(scratch, "layer-new.tar.gz")}
	if _, err := writeLayer(u.old, old); err != nil {
		return u, err
	}
	u.content, err = writeLayer(u.new, new)
	return u, err
}

// writeLayer packs a tree, size unpacked.
func writeLayer(file, root string) (size int64, err error) {
	f, err := os.Create(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	z := gzip.NewWriter(f)
	counted := &counter{w: z}
	t := tar.NewWriter(counted)
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		return addFile(t, root, path, d)
	})
	return counted.n, errors.Join(err, t.Close(), z.Close())
}

// image makes raw disk images of the trees, ext4 of 400 MiB. Clients fetch them as zstd.
func image(ctx context.Context, old, new, scratch string) (u update, err error) {
	u = update{name: rawImage, old: filepath.Join(scratch, "old.img"), new: filepath.Join(scratch, "new.img"), content: 400 << 20}
	for file, root := range map[string]string{u.old: old, u.new: new} {
		if out, err := exec.CommandContext(ctx, "/sbin/mke2fs", "-q", "-t", "ext4", "-d", root, file, "400m").CombinedOutput(); err != nil {
			return u, fmt.Errorf("mke2fs: %w: %s", err, out)
		}
	}
	u.whole, err = pipedSize(exec.CommandContext(ctx, "zstd", "-q", "-c", u.new))
	return u, err
}

func addFile(t *tar.Writer, root, path string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	var link string
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(path); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	h.Name, err = filepath.Rel(root, path)
	if err != nil {
		return err
	}
	if err := t.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(t, f)
	return err
}

var version = regexp.MustCompile(`(?m)^Version: .*$|^SHA256: .*$|^Size: .*$|^Filename: .*$`)

// index is the largest Packages that apt has, and the same with one stanza in a hundred
// of another version. It is plain; clients fetch it as xz.
func index(ctx context.Context, scratch string) (u update, err error) {
	out, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(FILENAME)", "Created-By: Packages").Output()
	if err != nil {
		return u, err
	}
	var text []byte
	for name := range strings.Lines(string(out)) {
		data, err := exec.CommandContext(ctx, "/usr/lib/apt/apt-helper", "cat-file", strings.TrimSpace(name)).Output()
		if err == nil && len(data) > len(text) {
			text = data
		}
	}
	if len(text) == 0 {
		return u, errors.New("apt has no lists: apt-get update")
	}
	stanzas := bytes.SplitAfter(text, []byte("\n\n"))
	for i := 50; i < len(stanzas); i += 100 {
		n := 0
		stanzas[i] = version.ReplaceAllFunc(stanzas[i], func(field []byte) []byte {
			n++
			return fmt.Appendf(nil, "%s", scramble(field, i+n))
		})
	}
	u = update{name: packagesIndex, old: filepath.Join(scratch, "Packages.old"), new: filepath.Join(scratch, "Packages.new")}
	changed := bytes.Join(stanzas, nil)
	u.content = int64(len(changed))
	if err := errors.Join(os.WriteFile(u.old, text, 0o644), os.WriteFile(u.new, changed, 0o644)); err != nil {
		return u, err
	}
	u.whole, err = xzSize(ctx, u.new)
	return u, err
}

// scramble changes every digit of a field's value.
func scramble(field []byte, seed int) []byte {
	changed := bytes.Clone(field)
	state := uint32(seed)
	for i, c := range changed {
		if c >= '0' && c <= '9' && i > len("SHA256: ") {
			state = state*1664525 + 1013904223
			changed[i] = byte('0' + state>>24%10)
		}
	}
	return changed
}

func xzSize(ctx context.Context, file string) (int64, error) {
	return pipedSize(exec.CommandContext(ctx, "xz", "-6", "-T0", "-c", file))
}

func unpackedSize(ctx context.Context, deb string) (int64, error) {
	return pipedSize(exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb))
}

// pipedSize is how many bytes a command writes.
func pipedSize(cmd *exec.Cmd) (int64, error) {
	c := &counter{w: io.Discard}
	cmd.Stdout = c
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return c.n, nil
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
