package sources

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

// savedDir, in apt's directory, keeps the originals under their own names. apt
// reads only what it knows there, and so passes it over.
const savedDir = "mirrord.saved"

// recordName holds what Apply wrote: "HASH  NAME" lines, as sha256sum writes them.
const recordName = "applied.sha256"

// record maps a file's name to the digests of every text that Apply gave it. One
// is added before the file is replaced, so a crash between leaves no unknown text.
type record map[string][]digest.Digest

// state is how a file stands to what Apply did.
type state int

const (
	untouched state = iota // Apply never wrote it
	applied                // it is what Apply wrote
	restored               // it is the original again
	edited                 // somebody has changed it since
)

func (r record) judge(name, current, original string) state {
	switch {
	case current == original:
		return restored
	case slices.Contains(r[name], digest.Of([]byte(current))):
		return applied
	}
	return edited
}

func (d Dir) saved(name string) string {
	return filepath.Join(string(d), savedDir, filepath.FromSlash(name))
}

func (d Dir) readRecord() (record, error) {
	text, err := os.ReadFile(d.saved(recordName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	all := record{}
	for l := range strings.Lines(string(text)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(l), "  ")
		if d, err := digest.New(digest.SHA256, sum); err == nil {
			all[name] = append(all[name], d)
		}
	}
	return all, nil
}

func (d Dir) writeRecord(all record) error {
	var text strings.Builder
	for _, name := range all.names() {
		for _, sum := range all[name] {
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
