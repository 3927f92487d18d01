package originals

import (
	"errors"
	"io/fs"
	"os"
	slashpath "path"
	"slices"

	"mirrord/internal/durable"
)

// Reverted is what Revert did about one file: Err is nil where all is as it was.
type Reverted struct {
	Name    string
	Removed bool // there was no such file before
	Err     error
}

// Revert puts the originals back, byte for byte, and forgets them; without names,
// all of them. A file that was edited or removed since is left alone, and so is its
// saved original.
func (d Dir) Revert(names ...string) ([]Reverted, error) {
	kept, err := d.readRecord()
	if err != nil {
		return nil, err
	}
	var all []Reverted
	for _, name := range kept.names() {
		if len(names) > 0 && !slices.Contains(names, name) {
			continue
		}
		done := kept[name]
		if err = d.restore(name, done); err == nil {
			delete(kept, name)
			err = d.forget(name, done, kept)
		}
		all = append(all, Reverted{name, done.created, err})
	}
	return all, nil
}

func (d Dir) restore(name string, done *deed) error {
	original, err := d.original(name, done)
	if err != nil {
		return err
	}
	current, err := readContent(d.Path(name))
	if err != nil {
		return err
	}
	switch {
	case done.judge(current, original) == edited:
		return d.refuse(name)
	case current == original:
		return nil
	case original.missing:
		return d.remove(name)
	}
	return d.replace(name, original.text)
}

// remove takes away what Apply created, and the directories that this empties.
func (d Dir) remove(name string) error {
	if err := os.Remove(d.Path(name)); err != nil {
		return err
	}
	return d.prune(slashpath.Dir(name))
}

// prune removes empty directories upwards from dir; d itself stays.
func (d Dir) prune(dir string) error {
	for ; dir != "."; dir = slashpath.Dir(dir) {
		if err := os.Remove(d.Path(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return durable.SyncDir(d.Path(dir))
}

// forget drops the record of the file first: an original without a record is
// never taken for anything.
func (d Dir) forget(name string, done *deed, kept record) error {
	if err := d.writeRecord(kept); err != nil {
		return err
	}
	if !done.created {
		if err := os.Remove(d.saved(name)); err != nil {
			return err
		}
	}
	if len(kept) == 0 {
		if err := os.Remove(d.saved(recordName)); err != nil {
			return err
		}
	}
	return d.prune(slashpath.Dir(SavedDir + "/" + name))
}
