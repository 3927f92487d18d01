package mirror

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// Object is a name whose object is stored.
type Object struct {
	Repo     string        `json:"repo"`
	Path     string        `json:"path"`
	Class    string        `json:"class"` // root, index, package, file; of a registry tag, object, list
	Digest   digest.Digest `json:"digest"`
	Size     int64         `json:"size"`     // bytes
	Accessed time.Time     `json:"accessed"` // exact to ten minutes
}

// ObjectsMost bounds one answer of Objects.
const ObjectsMost = 1000

// Objects lists at most limit stored names of a selection, in order, from the one
// behind after on; next is the after that goes on, "" at the end.
func (m *Mirror) Objects(ctx context.Context, s Selector, after string, limit int) (list []Object, next string, err error) {
	c, err := m.choose(s)
	if err != nil {
		return nil, "", err
	}
	limit = min(limit, ObjectsMost)
	if after != "" {
		c.resume(after)
	}
	err = m.each(ctx, c, func(page []name) (bool, error) {
		for _, n := range page {
			st, err := m.store.Stat(n.digest)
			if errors.Is(err, cache.ErrNotStored) {
				continue
			}
			if err != nil {
				return false, err
			}
			o := n.object(st)
			if len(list) >= limit && !o.sameName(list[len(list)-1]) { // the digests of one name come together
				last := list[len(list)-1]
				next = last.Repo + "/" + last.Path
				return false, nil
			}
			list = append(list, o)
		}
		return true, nil
	})
	return list, next, err
}

func (o Object) sameName(other Object) bool { return o.Repo == other.Repo && o.Path == other.Path }

// resume has the walk begin behind the name after, REPO/PATH.
func (c *chosen) resume(after string) {
	repo, path, _ := strings.Cut(after, "/")
	c.places = slices.DeleteFunc(c.places, func(p place) bool { return p.name < repo })
	if len(c.places) > 0 && c.places[0].name == repo {
		c.after = name{place: c.places[0], path: path}
	}
}

func (n name) object(st cache.Stored) Object {
	return Object{
		Repo: n.place.name, Path: n.path, Class: n.class(), Digest: st.Digest, Size: st.Size,
		Accessed: time.UnixMilli(st.Accessed).UTC(),
	}
}

var classNames = map[repo.Class]string{repo.Root: "root", repo.Index: "index", repo.Leaf: "package", repo.Free: "file"}

// class says in a word what the name is.
func (n name) class() string {
	if n.place.r != nil {
		plan, err := n.place.r.Adapter.Plan(n.path)
		if err != nil {
			return classNames[repo.Free]
		}
		return classNames[plan.Class]
	}
	switch i := strings.LastIndexAny(n.path, ":@/"); {
	case strings.Contains(n.path, "@"):
		return "object" // a manifest or a blob
	case i >= 0 && n.path[i] == ':':
		return "tag"
	}
	return "list"
}
