package moving

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/clone"
	"mirrord/internal/digest"
	"mirrord/internal/durable"
	"mirrord/internal/tree"
)

// target is the directory that is exported to. Nothing outside of it is written,
// wherever links in it lead.
type target struct {
	root *os.Root
	tree *tree.Tree // the same directory, to be read
	link bool
}

// ErrOthers reports a directory to export to that holds other things.
var ErrOthers = errors.New("it holds other files, and no export of mirrord")

// openTarget opens a directory that is new, empty, or an export, and marks it as one.
func openTarget(dir string, link bool) (*target, Manifest, error) {
	m := Manifest{Format: manifestFormat}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, m, err
	}
	t := &target{link: link}
	var err error
	if t.tree, err = tree.Open(dir); err != nil {
		return nil, m, err
	}
	if t.root, err = os.OpenRoot(dir); err != nil {
		t.tree.Close()
		return nil, m, err
	}
	m, err = t.mark(m)
	if err != nil {
		t.close()
		return nil, m, fmt.Errorf("%s: %w", dir, err)
	}
	return t, m, nil
}

func (t *target) close() {
	t.tree.Close()
	t.root.Close()
}

// mark gives the manifest that is there, else writes m.
func (t *target) mark(m Manifest) (Manifest, error) {
	names, err := t.tree.Names("")
	if err != nil {
		return m, err
	}
	others, marked := false, false
	for _, n := range names {
		marked = marked || n.Name() == ManifestFile
		others = others || n.Name() != "lost+found" && !m.Own(n.Name())
	}
	switch {
	case marked:
		m, err = ReadManifest(t.tree)
	case others:
		err = ErrOthers
	}
	if err != nil {
		return m, err
	}
	if err := errors.Join(t.root.RemoveAll(tempDir), t.root.Mkdir(tempDir, 0o755)); err != nil || marked {
		return m, err
	}
	return m, t.putManifest(m)
}

func (t *target) putManifest(m Manifest) error {
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	return t.putBytes(ManifestFile, append(text, '\n'))
}

// finish writes the manifest when all else is on disk.
func (t *target) finish(m Manifest) error {
	dir, err := t.root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := durable.SyncAll(dir); err != nil {
		return err
	}
	if err := errors.Join(t.putManifest(m), t.root.RemoveAll(tempDir)); err != nil {
		return err
	}
	return durable.SyncAll(dir)
}

func (t *target) putBytes(p string, data []byte) error {
	return t.replace(p, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// errRotten: a stored object does not hold what its name says.
var errRotten = fmt.Errorf("%w; mirrord fsck tells more", cache.ErrRotten)

// put writes an object of that digest to p. What is there already is compared.
func (t *target) put(ctx context.Context, p string, d digest.Digest, object *os.File, size int64, times time.Time) (cache.Manner, error) {
	if t.has(ctx, p, d, size) {
		return cache.There, nil
	}
	manner := cache.Copied
	if t.link && t.linked(ctx, p, d, object) == nil {
		return cache.Linked, nil
	}
	err := t.replace(p, func(f *os.File) error {
		from, to := object, io.Writer(f)
		if clone.Bytes(f, object) == nil {
			manner, from, to = cache.Cloned, f, io.Discard
		}
		if err := right(ctx, from, to, d); err != nil {
			return err
		}
		return f.Chmod(0o644)
	})
	if err == nil && !times.IsZero() {
		err = t.root.Chtimes(filepath.FromSlash(p), times, times)
	}
	return manner, err
}

// has reports that p is the object already.
func (t *target) has(ctx context.Context, p string, d digest.Digest, size int64) bool {
	f, err := t.tree.Open(p)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	return err == nil && info.Size() == size && right(ctx, f, io.Discard, d) == nil
}

// linked makes p the object itself.
func (t *target) linked(ctx context.Context, p string, d digest.Digest, object *os.File) error {
	if err := right(ctx, object, io.Discard, d); err != nil {
		return err
	}
	dir, err := t.root.Open(tempDir)
	if err != nil {
		return err
	}
	defer dir.Close()
	name := tempName()
	if err := clone.LinkIn(object, dir, name); err != nil {
		return err
	}
	return t.place(name, p)
}

// replace has fn write a file that then takes p's place.
func (t *target) replace(p string, fn func(*os.File) error) error {
	name := tempName()
	f, err := t.root.OpenFile(filepath.Join(tempDir, name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if err = errors.Join(fn(f), f.Close()); err != nil {
		t.root.Remove(filepath.Join(tempDir, name))
		return err
	}
	return t.place(name, p)
}

// place brings what was written to p.
func (t *target) place(name, p string) error {
	err := t.root.MkdirAll(filepath.FromSlash(path.Dir(p)), 0o755)
	if err == nil {
		err = t.root.Rename(filepath.Join(tempDir, name), filepath.FromSlash(p))
	}
	if err != nil {
		t.root.Remove(filepath.Join(tempDir, name))
	}
	return err
}

func tempName() string { return fmt.Sprintf("%016x", rand.Uint64()) }

// right reads a file from its start, writes it to another, and tells whether it is
// what the digest says.
func right(ctx context.Context, from *os.File, to io.Writer, d digest.Digest) error {
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return err
	}
	h := d.NewHash()
	if h == nil {
		return fs.ErrInvalid
	}
	buf := make([]byte, 128<<10)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := from.Read(buf)
		h.Write(buf[:n])
		if _, werr := to.Write(buf[:n]); werr != nil {
			return werr
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if digest.FromSum(d.Algorithm(), h.Sum(nil)) != d {
		return errRotten
	}
	return nil
}
