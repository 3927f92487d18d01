package originals

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"mirrord/internal/digest"
	"mirrord/internal/durable"
)

// ErrEdited reports a file that somebody has changed since Apply wrote it.
var ErrEdited = errors.New("edited since --apply")

// Dir is a configuration directory. Names of its files have slashes and do not
// leave it.
type Dir string

// File is a file of the directory, or the place for one.
type File struct {
	Name    string
	Text    string // as its author wrote it, also where Apply has replaced it
	current content
	state   state
}

// Read reads the file; one that is missing has an empty Text.
func (d Dir) Read(name string) (File, error) {
	kept, err := d.readRecord()
	if err != nil {
		return File{}, err
	}
	current, err := readContent(d.Path(name))
	if err != nil {
		return File{}, err
	}
	f := File{Name: name, Text: current.text, current: current}
	done := kept[name]
	if done == nil {
		return f, nil
	}
	original, err := d.original(name, done)
	if err != nil {
		return File{}, err
	}
	if f.state = done.judge(current, original); f.state != edited {
		f.Text = original.text
	}
	return f, nil
}

// Apply replaces the file by text, or creates it, and keeps the original. It
// reports whether anything had to be done.
func (d Dir) Apply(f File, text string) (bool, error) {
	switch {
	case f.current == content{text: text}:
		return false, nil
	case f.state == edited:
		return false, d.refuse(f.Name)
	}
	if err := d.keep(f); err != nil {
		return false, err
	}
	kept, err := d.readRecord()
	if err != nil {
		return false, err
	}
	done := kept.of(f.Name)
	if f.state == untouched {
		done.created = f.current.missing
	}
	if sum := digest.Of([]byte(text)); !slices.Contains(done.texts, sum) {
		done.texts = append(done.texts, sum)
	}
	if err := d.writeRecord(kept); err != nil {
		return false, err
	}
	return true, d.replace(f.Name, text)
}

// keep saves the original, once, with the file's own mode: it may hold a password.
func (d Dir) keep(f File) error {
	if f.state != untouched {
		return nil
	}
	if f.current.missing {
		return durable.MkdirAll(d.Path(SavedDir), 0o755)
	}
	if err := durable.MkdirAll(filepath.Dir(d.saved(f.Name)), 0o755); err != nil {
		return err
	}
	info, err := os.Stat(d.Path(f.Name))
	if err != nil {
		return err
	}
	return durable.WriteFile(d.saved(f.Name), []byte(f.Text), info.Mode().Perm())
}

// replace writes through a symbolic link and keeps mode and owner.
func (d Dir) replace(name, text string) error {
	path, err := filepath.EvalSymlinks(d.Path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return d.create(name, text)
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(path, []byte(text), info.Mode().Perm()); err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if ok && (int(owner.Uid) != os.Geteuid() || int(owner.Gid) != os.Getegid()) {
		return os.Chown(path, int(owner.Uid), int(owner.Gid))
	}
	return nil
}

func (d Dir) create(name, text string) error {
	path := d.Path(name)
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s is a link to a file that does not exist", path)
	}
	if err := durable.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return durable.WriteFile(path, []byte(text), 0o644)
}

func (d Dir) refuse(name string) error {
	if _, err := os.Lstat(d.saved(name)); err != nil {
		return fmt.Errorf("%s: %w, left alone; there was no such file before", d.Path(name), ErrEdited)
	}
	return fmt.Errorf("%s: %w, left alone; its original is %s", d.Path(name), ErrEdited, d.saved(name))
}
