package delta

import (
	"cmp"
	"errors"
	"os"
)

// What can be wrong with a delta, or with what it is applied to.
var (
	ErrVersion  = errors.New("a delta of version") // of another version than is known
	ErrBase     = errors.New("the base is not the file that the delta was made for")
	ErrCorrupt  = errors.New("the delta is broken")
	ErrLimit    = errors.New("the delta asks for more than is allowed")
	ErrNotWorth = errors.New("a delta is not worth it") // it would not be smaller than the target, or not by enough
)

// Options are the bounds and the place of a Make or Apply. What is zero has the
// default.
type Options struct {
	// Dir is where temporary files are; they take about as much room as both files'
	// unpacked contents. Default: the system's directory for such files.
	Dir string
	// MaxTarget bounds the size of the new file, in bytes. Default: 16 GiB.
	MaxTarget int64
	// MaxUnfolded bounds what the streams of each of the files hold together, in
	// bytes. Default: 64 GiB.
	MaxUnfolded int64
	// MaxDelta bounds the delta that Make makes, in bytes: a larger one is not
	// worth it. Default: one byte less than the target has.
	MaxDelta int64
}

func (o Options) withDefaults() Options {
	o.Dir = cmp.Or(o.Dir, os.TempDir())
	o.MaxTarget = cmp.Or(o.MaxTarget, 16<<30)
	o.MaxUnfolded = cmp.Or(o.MaxUnfolded, 64<<30)
	return o
}

// Info is what a delta says of itself.
type Info struct {
	Version int  `json:"version"`
	Base    Side `json:"base"`
	Target  Side `json:"target"`
	// Size is that of the delta, and of its parts. All are in bytes.
	Size       int64 `json:"size"`
	TreeSize   int64 `json:"tree_size"`
	PatchSize  int64 `json:"patch_size"`
	PackedSize int64 `json:"packed_size"` // of all encoders' decisions
	// Unfolded is the size of the new file's flat content.
	Unfolded int64 `json:"unfolded"`
	// The streams that are unfolded, those that hold others before them.
	Old []Stream `json:"old"`
	New []Stream `json:"new"`
}

// Stream is a stream that is unfolded.
type Stream struct {
	Kind  string `json:"kind"`
	Depth int    `json:"depth"`  // 1 for a stream of the file itself
	Off   int64  `json:"offset"` // in what the stream around it holds, or in the file
	Len   int64  `json:"length"`
	Size  int64  `json:"size"` // of what it holds
	// Of the new file's streams only: the place among Old of the one that it was made
	// from, -1 where there is none, and how long its packed decisions are.
	From   int   `json:"from"`
	Packed int64 `json:"packed"`
}
