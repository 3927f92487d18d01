package generic

import (
	"errors"
	"io"

	"mirrord/internal/repo"
)

var errNoIndex = errors.New("a generic repository has no indexes")

// Adapter takes every path for a file of its own. The zero value is ready.
type Adapter struct{}

// Plan calls every path Free.
func (Adapter) Plan(path string) (repo.Plan, error) {
	if path == "" {
		return repo.Plan{}, repo.ErrNotFile
	}
	return repo.Plan{Path: path, Class: repo.Free}, nil
}

// Members is empty: there are no roots.
func (Adapter) Members() [][]string { return nil }

// Root always fails, since Plan calls no path a root.
func (Adapter) Root(string, map[string][]byte) (repo.Listing, error) {
	return repo.Listing{}, errNoIndex
}

// Read always fails, since Plan calls no path an index.
func (Adapter) Read(string, io.Reader, func(repo.Ref) error) error { return errNoIndex }

// Lineage is of no path: nothing tells what a new version is.
func (Adapter) Lineage(string) repo.Lineage { return repo.Lineage{} }
