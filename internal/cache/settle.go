package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"mirrord/internal/durable"
)

// ErrForeign reports a directory with other things in it, and no store.
var ErrForeign = errors.New("not a data directory of mirrord")

// ErrLost reports objects of which no meta.db knows.
var ErrLost = errors.New("meta.db is lost; mirrord fsck --repair makes a new one and takes the objects back")

// ours are what may stand in a data directory before there is a meta.db: a start
// may have been cut short, and the administrator may have been there.
var ours = map[string]bool{"blobs": true, "partial": true, "trash": true, "lost+found": true, "admin.token": true, "acme": true,
	"tokens.json": true, "audit.log": true}

// settleIn makes the directories of a new store. It takes no directory over that
// holds something else: recovery removes what it does not know.
func settleIn(dir string, rebuild bool) error {
	err := checkDB(dbPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		err = checkNew(dir, rebuild)
	}
	if err != nil {
		return err
	}
	for _, d := range []string{"blobs/sha256", "partial", "trash"} {
		if err := durable.MkdirAll(filepath.Join(dir, d), 0o750); err != nil {
			return err
		}
	}
	return nil
}

// checkNew refuses a directory without a meta.db that is not new.
func checkNew(dir string, rebuild bool) error {
	objects, _ := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "??", "*")) // the pattern is right
	if len(objects) > 0 {
		if rebuild {
			return nil
		}
		return ErrLost
	}
	names, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, n := range names {
		if !ours[n.Name()] {
			return fmt.Errorf("%w: it holds %q and no meta.db", ErrForeign, n.Name())
		}
	}
	return nil
}
