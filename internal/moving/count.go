package moving

import (
	"context"
	"strings"

	"mirrord/internal/repo/oci"
	"mirrord/internal/tree"
)

// Count is how much a directory holds.
type Count struct {
	Dir   string
	Files int
	Bytes int64
}

// CountMounts counts what the mounts hold, in their order, and then what lies in no
// mount, by the first two directories. It looks into no file.
func CountMounts(ctx context.Context, t *tree.Tree, keeper Keeper, mounts []Mount) (in, out []Count, err error) {
	count := func(dir string, skip func(string) bool, add func(tree.File)) error {
		return t.Walk(ctx, dir, skip, func(f tree.File) error {
			if !keeper.Own(f.Path) {
				add(f)
			}
			return nil
		}, func(tree.Problem) {})
	}
	for _, m := range mounts {
		c := Count{Dir: m.Dir}
		if err := count(m.Dir, below(mounts, m), c.add); err != nil {
			return nil, nil, err
		}
		in = append(in, c)
		if m.Dir == "" {
			return in, nil, nil
		}
	}
	err = count("", below(mounts, Mount{Repo: "none"}), func(f tree.File) {
		dir := group(f.Path)
		if len(out) == 0 || out[len(out)-1].Dir != dir {
			out = append(out, Count{Dir: dir})
		}
		out[len(out)-1].add(f)
	})
	return in, out, err
}

func (c *Count) add(f tree.File) { c.Files, c.Bytes = c.Files+1, c.Bytes+f.Info.Size() }

// group is the first two directories of a path, or as many as it has.
func group(p string) string {
	parts := strings.Split(p, "/")
	return strings.Join(parts[:min(2, len(parts)-1)], "/")
}

// CountRegistry counts the blobs of a docker-registry.
func CountRegistry(ctx context.Context, t *tree.Tree) (Count, error) {
	c := Count{Dir: oci.StorageBlobs}
	err := t.Walk(ctx, c.Dir, nil, func(f tree.File) error { c.add(f); return nil }, func(tree.Problem) {})
	return c, err
}
