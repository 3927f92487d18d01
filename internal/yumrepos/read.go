package yumrepos

import (
	"os"
	"path/filepath"

	"mirrord/internal/originals"
)

// File is one .repo file.
type File struct {
	Name     string // relative to the directory
	Text     string // as its author wrote it, also where Apply has replaced it
	Sections []Section
	kept     originals.File
}

// Dir is the directory of the .repo files: /etc/yum.repos.d, or zypper's
// /etc/zypp/repos.d.
type Dir string

// Read parses every file that dnf would, in the order of their names.
func (d Dir) Read() ([]File, error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, err
	}
	var all []File
	for _, entry := range entries {
		name := entry.Name()
		info, err := os.Stat(filepath.Join(string(d), name))
		if filepath.Ext(name) != ".repo" || err != nil || !info.Mode().IsRegular() {
			continue
		}
		kept, err := originals.Dir(d).Read(name)
		if err != nil {
			return nil, err
		}
		all = append(all, File{Name: name, Text: kept.Text, Sections: sections(name, kept.Text), kept: kept})
	}
	return all, nil
}

// Apply replaces the file by text and keeps the original. It reports whether
// anything had to be done; originals.ErrEdited is a file that it leaves alone.
func (d Dir) Apply(f File, text string) (bool, error) {
	return originals.Dir(d).Apply(f.kept, text)
}
