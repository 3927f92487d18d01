package moving

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"mirrord/internal/tree"
)

// ManifestFile says of a directory what was exported to it.
const ManifestFile = "mirrord-export.json"

// manifestFormat is that of the file; a later one is refused.
const manifestFormat = 1

// manifestMost is how large the file may be, in bytes: it has about 200 for each file
// that nobody vouches for.
const manifestMost = 512 << 20

// tempDir holds what is still being written.
const tempDir = ".mirrord-partial"

// ErrNoExport reports a directory that no export made.
var ErrNoExport = errors.New("no export of mirrord")

// Manifest is what the file says. Nothing in it makes anybody believe a file.
type Manifest struct {
	Format       int            `json:"format"`
	Repositories []ExportedRepo `json:"repositories"`
}

// ExportedRepo is a repository in an export: the directory of its name.
type ExportedRepo struct {
	Name string `json:"name"`
	Type string `json:"type"`
	// Validators are upstream's, of roots and of what nobody vouches for, by path.
	Validators map[string]Validators `json:"validators,omitempty"`
}

// ReadManifest reads that of an export.
func ReadManifest(t *tree.Tree) (Manifest, error) {
	data, err := t.Read(ManifestFile, manifestMost)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, fmt.Errorf("%w: it has no %s", ErrNoExport, ManifestFile)
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("%s: %s", ManifestFile, tree.Reason(err))
	}
	return parseManifest(data)
}

func parseManifest(data []byte) (m Manifest, err error) {
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("%w: %s is not JSON as it is written", ErrNoExport, ManifestFile)
	}
	if m.Format != manifestFormat {
		return m, fmt.Errorf("%w: %s is of format %d, this mirrord knows %d", ErrNoExport, ManifestFile, m.Format, manifestFormat)
	}
	for _, r := range m.Repositories {
		if !fs.ValidPath(r.Name) || r.Name == "." || strings.Contains(r.Name, "/") {
			return m, fmt.Errorf("%w: %s: %.80q is no repository's name", ErrNoExport, ManifestFile, r.Name)
		}
	}
	return m, nil
}

// find is the entry of a repository, which is made where there is none.
func (m *Manifest) find(r Repo) *ExportedRepo {
	for i := range m.Repositories {
		if m.Repositories[i].Name == r.Name {
			return &m.Repositories[i]
		}
	}
	m.Repositories = append(m.Repositories, ExportedRepo{Name: r.Name, Type: r.Type, Validators: make(map[string]Validators)})
	return &m.Repositories[len(m.Repositories)-1]
}

// note sets what is known of a path.
func (r *ExportedRepo) note(p string, v Validators) {
	if r.Validators == nil {
		r.Validators = make(map[string]Validators)
	}
	if r.Validators[p] = v; v == (Validators{}) {
		delete(r.Validators, p)
	}
}

// Own reports the manifest, and what was being written.
func (m Manifest) Own(p string) bool {
	return p == ManifestFile || p == tempDir || strings.HasPrefix(p, tempDir+"/")
}

// Kept tells the validators.
func (m Manifest) Kept(_ *tree.Tree, _ tree.File, repo, p string) (Kept, bool) {
	for _, r := range m.Repositories {
		if r.Name == repo {
			return Kept{Meta: r.Validators[p], Whole: true}, true
		}
	}
	return Kept{}, false
}
