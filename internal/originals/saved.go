package originals

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mirrord/internal/digest"
	"mirrord/internal/durable"
)

// SavedDir, in the directory, keeps the originals under their own names. Programs
// that read only what they know there, as apt does, pass it over.
const SavedDir = "mirrord.saved"

// recordName holds what Apply wrote: "HASH  NAME" lines, as sha256sum writes them,
// and "created  NAME" for a file that there was not.
const recordName = "applied.sha256"

const createdMark = "created"

// record is what Apply did.
type record map[string]*deed

// A deed is what Apply did to one file. Both are set down before the file is
// replaced, so a crash between leaves no unknown text.
type deed struct {
	texts   []digest.Digest // of every text that Apply gave it
	created bool            // there is no original
}

// content is a file's text, or that there is no file.
type content struct {
	text    string
	missing bool
}

func readContent(path string) (content, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return content{missing: true}, nil
	}
	return content{text: string(text)}, err
}

// state is how a file stands to what Apply did.
type state int

const (
	untouched state = iota // Apply never wrote it
	applied                // it is what Apply wrote
	restored               // it is the original again
	edited                 // somebody has changed it since
)

func (d *deed) judge(current, original content) state {
	switch {
	case d == nil:
		return untouched
	case current == original:
		return restored
	case !current.missing && slices.Contains(d.texts, digest.Of([]byte(current.text))):
		return applied
	}
	return edited
}

// Path is where the file with that name stands.
func (d Dir) Path(name string) string { return filepath.Join(string(d), filepath.FromSlash(name)) }

func (d Dir) saved(name string) string { return d.Path(SavedDir + "/" + name) }

// original is what stood there before Apply. One that was saved must be there still.
func (d Dir) original(name string, done *deed) (content, error) {
	if done.created {
		return content{missing: true}, nil
	}
	text, err := os.ReadFile(d.saved(name))
	return content{text: string(text)}, err
}

func (d Dir) readRecord() (record, error) {
	text, err := os.ReadFile(d.saved(recordName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	all := record{}
	for l := range strings.Lines(string(text)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(l), "  ")
		if sum == createdMark {
			all.of(name).created = true
		} else if text, err := digest.New(digest.SHA256, sum); err == nil {
			done := all.of(name)
			done.texts = append(done.texts, text)
		}
	}
	return all, nil
}

// of finds the deed, or begins one.
func (r record) of(name string) *deed {
	if r[name] == nil {
		r[name] = &deed{}
	}
	return r[name]
}

func (d Dir) writeRecord(all record) error {
	var text strings.Builder
	for _, name := range all.names() {
		if all[name].created {
			text.WriteString(createdMark + "  " + name + "\n")
		}
		for _, sum := range all[name].texts {
			text.WriteString(sum.Hex() + "  " + name + "\n")
		}
	}
	return durable.WriteFile(d.saved(recordName), []byte(text.String()), 0o644)
}

func (r record) names() []string {
	var all []string
	for name := range r {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
