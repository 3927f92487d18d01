package moving

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"mirrord/internal/tree"
)

// Shelf answers an upstream.Group's requests from a Tree: each mount is one mirror.
type Shelf struct {
	tree   *tree.Tree
	keeper Keeper
	mounts []Mount
	log    *Log
}

// NewShelf makes the mirrors of the mounts.
func NewShelf(t *tree.Tree, keeper Keeper, mounts []Mount, log *Log) *Shelf {
	return &Shelf{tree: t, keeper: keeper, mounts: mounts, log: log}
}

// host names a mount in URLs, and so in what people are told.
func (s *Shelf) host(m Mount) string {
	if m.Dir == "" {
		return s.tree.Dir
	}
	return m.Dir
}

// Mirrors are the URLs of a repository's mounts.
func (s *Shelf) Mirrors(repo string) (all []*url.URL) {
	for _, m := range s.mounts {
		if m.Repo == repo {
			all = append(all, &url.URL{Scheme: "file", Host: s.host(m)})
		}
	}
	return all
}

func (s *Shelf) mount(host string) (Mount, bool) {
	for _, m := range s.mounts {
		if s.host(m) == host {
			return m, true
		}
	}
	return Mount{}, false
}

// RoundTrip gives whole files, and 404 for what there is not, or is not to be had.
func (s *Shelf) RoundTrip(req *http.Request) (*http.Response, error) {
	answer := &http.Response{
		Status: "404 Not Found", StatusCode: http.StatusNotFound, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: req,
	}
	m, ok := s.mount(req.URL.Host)
	in := strings.TrimPrefix(req.URL.Path, "/")
	p, here := m.file(in)
	if !ok || !here || s.keeper.Own(p) {
		return answer, nil
	}
	f, err := s.tree.Open(p)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
			s.log.Unreadable(p, err)
		}
		return answer, nil
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return answer, nil
	}
	if kept, ok := s.keeper.Kept(s.tree, tree.File{Path: p, Info: info}, m.Repo, in); ok {
		meta := kept.Meta.meta()
		set(answer.Header, "ETag", meta.ETag)
		set(answer.Header, "Last-Modified", meta.LastModified)
		set(answer.Header, "Content-Type", meta.ContentType)
	}
	answer.Status, answer.StatusCode, answer.ContentLength = "200 OK", http.StatusOK, info.Size()
	if req.Method == http.MethodHead {
		f.Close()
		return answer, nil
	}
	answer.Body = f
	return answer, nil
}

func set(h http.Header, key, value string) {
	if value != "" {
		h.Set(key, value)
	}
}
