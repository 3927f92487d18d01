package sources

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

// Apply replaces the file by text and keeps the original. It reports whether
// anything had to be done.
func (d Dir) Apply(f File, text string) (bool, error) {
	switch {
	case text == f.current:
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
	if sum := digest.Of([]byte(text)); !slices.Contains(kept[f.Name], sum) {
		kept[f.Name] = append(kept[f.Name], sum)
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
	info, err := os.Stat(d.path(f.Name))
	if err != nil {
		return err
	}
	if err := durable.MkdirAll(filepath.Dir(d.saved(f.Name)), 0o755); err != nil {
		return err
	}
	return durable.WriteFile(d.saved(f.Name), []byte(f.Text), info.Mode().Perm())
}

// Reverted is what Revert did about one file: Err is nil where the original is back.
type Reverted struct {
	Name string
	Err  error
}

// Revert puts the originals back, byte for byte, and forgets them. A file that
// was edited or removed since is left alone, and so is its saved original.
func (d Dir) Revert() ([]Reverted, error) {
	kept, err := d.readRecord()
	if err != nil {
		return nil, err
	}
	var all []Reverted
	for _, name := range kept.names() {
		if err = d.restore(name, kept); err == nil {
			delete(kept, name)
			err = d.forget(name, kept)
		}
		all = append(all, Reverted{name, err})
	}
	return all, nil
}

func (d Dir) restore(name string, kept record) error {
	original, err := os.ReadFile(d.saved(name))
	if err != nil {
		return err
	}
	current, err := os.ReadFile(d.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return d.refuse(name)
	}
	if err != nil {
		return err
	}
	switch kept.judge(name, string(current), string(original)) {
	case edited:
		return d.refuse(name)
	case restored:
		return nil
	}
	return d.replace(name, string(original))
}

// forget drops the record of the file first: an original without a record is
// never taken for anything.
func (d Dir) forget(name string, kept record) error {
	if err := d.writeRecord(kept); err != nil {
		return err
	}
	if err := os.Remove(d.saved(name)); err != nil {
		return err
	}
	if len(kept) > 0 {
		return nil
	}
	if err := os.Remove(d.saved(recordName)); err != nil {
		return err
	}
	// These two go when they are empty; what somebody else put there stays.
	os.Remove(filepath.Dir(d.saved("sources.list.d/x")))
	os.Remove(filepath.Dir(d.saved(recordName)))
	return durable.SyncDir(string(d))
}

func (d Dir) refuse(name string) error {
	return fmt.Errorf("%s: %w, left alone; its original is %s", d.path(name), ErrEdited, d.saved(name))
}

// replace writes through a symbolic link and keeps mode and owner.
func (d Dir) replace(name, text string) error {
	path, err := filepath.EvalSymlinks(d.path(name))
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
