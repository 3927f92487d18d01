package sources

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"mirrord/internal/originals"
)

// File is one of apt's source files.
type File struct {
	Name    string // relative to apt's directory
	Text    string // as its author wrote it, also where Apply has replaced it
	Entries []Entry
	kept    originals.File
}

// Dir is apt's configuration directory, /etc/apt.
type Dir string

// partName is what apt takes from a .d directory: other names are ignored there.
var partName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*\.(list|sources)$`)

// Read parses every source file that apt would.
func (d Dir) Read() ([]File, error) {
	if _, err := os.Stat(string(d)); err != nil {
		return nil, err
	}
	names, err := d.names()
	if err != nil {
		return nil, err
	}
	var all []File
	for _, name := range names {
		file, err := d.file(name)
		if err != nil {
			return nil, err
		}
		all = append(all, file)
	}
	return all, nil
}

// names lists the files in the order in which apt reads them.
func (d Dir) names() ([]string, error) {
	var all []string
	if info, err := os.Stat(d.path("sources.list")); err == nil && info.Mode().IsRegular() {
		all = append(all, "sources.list")
	}
	parts, err := os.ReadDir(d.path("sources.list.d"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, part := range parts {
		name := "sources.list.d/" + part.Name()
		info, err := os.Stat(d.path(name))
		if partName.MatchString(part.Name()) && err == nil && info.Mode().IsRegular() {
			all = append(all, name)
		}
	}
	return all, nil
}

func (d Dir) file(name string) (File, error) {
	kept, err := originals.Dir(d).Read(name)
	return File{Name: name, Text: kept.Text, Entries: parse(name, kept.Text), kept: kept}, err
}

func parse(name, text string) []Entry {
	if filepath.Ext(name) == ".sources" {
		return parseDeb822(name, text)
	}
	return parseOneLine(name, text)
}

func (d Dir) path(name string) string { return originals.Dir(d).Path(name) }
