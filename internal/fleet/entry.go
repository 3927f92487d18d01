package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/mirror"
)

// Entry is one of a journal, and its line in the answer of /changes.
type Entry struct {
	Seq    uint64        `json:"seq"`
	At     time.Time     `json:"at"`
	Act    mirror.Act    `json:"act"`
	Repo   string        `json:"repo"`
	Path   string        `json:"path,omitempty"`
	Prefix string        `json:"prefix,omitempty"`
	Glob   string        `json:"glob,omitempty"`
	Digest digest.Digest `json:"digest,omitempty"`
	Tag    string        `json:"tag,omitempty"`
	// Origin is the journal in which it stood first: hubs in a ring tell it once around.
	Origin string `json:"origin"`
}

func (e Entry) selector() mirror.Selector {
	return mirror.Selector{Repo: e.Repo, Path: e.Path, Prefix: e.Prefix, Glob: e.Glob, Digest: e.Digest, Tag: e.Tag}
}

// beat is a line without news: all up to that number was told.
type beat struct {
	Beat uint64 `json:"beat"`
}

// place is where a journal is, as 410 tells it and as an edge keeps it.
type place struct {
	Journal string `json:"journal"`
	Seq     uint64 `json:"seq"`
}

// Limits on what a hub may say.
const (
	lineMost  = 16 << 10 // bytes of a line, and of a place
	nameMost  = 128      // bytes of a repository's name, and of a journal's
	fieldMost = 4 << 10  // bytes of a path and the like
)

var errLine = errors.New("the hub's news cannot be read")

// parseLine reads a line of /changes: an Entry, or, where its Seq is 0, a beat.
func parseLine(line []byte) (e Entry, upTo uint64, err error) {
	var l struct {
		Entry
		beat
	}
	if err := json.Unmarshal(line, &l); err != nil {
		return Entry{}, 0, fmt.Errorf("%w: %w", errLine, err)
	}
	switch {
	case (l.Seq == 0) != (l.Act == ""):
		return Entry{}, 0, fmt.Errorf("%w: expected an act with a number, or a beat", errLine)
	case l.Seq == 0:
		return Entry{}, l.Beat, nil
	case l.Repo == "" || len(l.Repo) > nameMost || len(l.Origin) > nameMost:
		return Entry{}, 0, fmt.Errorf("%w: a name of %d bytes, expected 1 to %d", errLine, len(l.Repo), nameMost)
	case max(len(l.Path), len(l.Prefix), len(l.Glob), len(l.Digest), len(l.Tag)) > fieldMost:
		return Entry{}, 0, fmt.Errorf("%w: a field of more than %d bytes", errLine, fieldMost)
	}
	return l.Entry, l.Seq, nil
}
