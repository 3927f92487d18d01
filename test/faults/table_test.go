package faults

import (
	"fmt"
	"slices"

	"mirrord/internal/faulty"
)

// kind is a class of path, with its own promise.
type kind int

const (
	free  kind = iota // nobody vouches for it
	leaf              // an index names it: checked while it streams
	index             // a root names it: checked before it is served
	root
)

var kindNames = [...]string{"free", "leaf", "index", "root"}

// fileSize is such that a range at 7/8 of it lies further in than where a reader
// waits for a fetch that began at 0 (512 KiB), and so has a request of its own.
const fileSize = 640<<10 + 4321

// wish is one form of request on an object of a known size.
type wish struct {
	name  string
	inner bool                  // no part of it is the object's end, which alone is held back until the verdict
	field func(size int) string // of Range, "" none
}

var wishes = []wish{
	{"full", false, func(int) string { return "" }},
	{"prefix", true, func(int) string { return "bytes=0-99" }},
	{"middle", true, func(n int) string { return fmt.Sprintf("bytes=%d-%d", n*7/8, n*7/8+9) }},
	{"suffix", false, func(int) string { return "bytes=-60" }},
	{"multi", true, func(n int) string { return fmt.Sprintf("bytes=10-19,%d-%d", n/2, n/2+9) }},
}

// trouble is a way in which an upstream misbehaves.
type trouble struct {
	name string
	do   func(data []byte) []faulty.Fault
	// other are bytes that a client of a file that nobody vouches for (an unsigned
	// Release too) may get in place of data: upstream says that they are the file.
	other func(data []byte) []byte
	// blind: where nobody vouches for it, nothing tells that the bytes are wrong.
	blind bool
	// shows: what a client may notice even where a second upstream is whole. Bytes
	// that prove wrong only when some were passed on break its connection.
	shows shows
}

type shows int

const (
	never     shows = iota
	unvouched       // where no index tells the size
	streamed        // in all that is served before it is whole
)

// in reports whether a client of that kind of object may notice.
func (s shows) in(k kind) bool { return s == streamed && k <= leaf || s == unvouched && k == free }

func one(f faulty.Fault) func([]byte) []faulty.Fault {
	return func([]byte) []faulty.Fault { return []faulty.Fault{f} }
}

// early is a place in every object, a Release of 226 bytes too: in the name of
// its suite, which nothing checks while it is not signed.
const early = 40

// partly applies a fault that comes after a third of the object.
func partly(fault func(int64) faulty.Fault) func([]byte) []faulty.Fault {
	return func(d []byte) []faulty.Fault { return []faulty.Fault{fault(int64(len(d) / 3))} }
}

// cutThen cuts the first answer, and does f to those that resume.
func cutThen(f func(d []byte) faulty.Fault) func([]byte) []faulty.Fault {
	return func(d []byte) []faulty.Fault { return []faulty.Fault{faulty.Cut(int64(len(d) / 3)), f(d)} }
}

func flipEarly(d []byte) []byte { return flip(d, early) }

// another is a later version of d: it differs before and behind where a cut was,
// so that parts of both show.
func another(d []byte) []byte { return flip(flip(d, early), len(d)*9/10) }

func change(d []byte) faulty.Fault { return faulty.Swap(another(d)) }

var troubles = []trouble{
	{name: "cut at once", do: one(faulty.Cut(0))},
	{name: "cut", do: partly(faulty.Cut)},
	{name: "reset", do: partly(faulty.Reset)},
	{name: "drop", do: one(faulty.Drop())},
	{name: "stall", do: partly(faulty.Stall)},
	{name: "hang", do: one(faulty.Hang())},
	{name: "corrupt", do: one(faulty.Corrupt(early)), other: flipEarly, shows: streamed},
	{name: "corrupt end", do: func(d []byte) []faulty.Fault { return []faulty.Fault{faulty.Corrupt(int64(len(d)) - 1)} },
		other: func(d []byte) []byte { return flip(d, len(d)-1) }, shows: streamed},
	{name: "length too long", do: one(faulty.Length(77)), other: func(d []byte) []byte { return append(slices.Clone(d), make([]byte, 77)...) }, shows: unvouched},
	{name: "length too short", do: one(faulty.Length(-77)), blind: true},
	{name: "more than announced", do: one(faulty.Append([]byte("more")))},
	{name: "ignore range", do: one(faulty.IgnoreRange())},
	{name: "cut, then ignore range", do: partly(func(n int64) faulty.Fault { return faulty.IgnoreRange().And(faulty.Cut(n)) })},
	{name: "other content range", do: one(faulty.ContentRange("bytes 5-104/9999").Ranged())},
	{name: "bad content range", do: one(faulty.ContentRange("bytes x-y/z").Ranged())},
	{name: "no content range", do: one(faulty.ContentRange("").Ranged())},
	{name: "cut, then other content range", do: cutThen(func([]byte) faulty.Fault { return faulty.ContentRange("bytes 0-9/10").Ranged() })},
	{name: "shift", do: one(faulty.Shift(100).Ranged()), blind: true, shows: streamed},
	{name: "206 unasked", do: one(faulty.Partial())},
	{name: "change", do: func(d []byte) []faulty.Fault { return []faulty.Fault{change(d)} }, other: another, shows: streamed},
	{name: "cut, then change", do: cutThen(change), other: another, shows: streamed},
	{name: "cut, then change that If-Range does not show", other: another, shows: streamed,
		do: cutThen(func(d []byte) faulty.Fault { return change(d).And(faulty.IgnoreIfRange()) })},
	{name: "500", do: one(faulty.Status(500))},
	{name: "503", do: one(faulty.Status(503))},
	{name: "503 with Retry-After", do: one(faulty.Unavailable(1))},
	{name: "429", do: one(faulty.Status(429))},
	{name: "429 with Retry-After", do: one(faulty.Status(429, "Retry-After", "1"))},
	{name: "gzip unasked", do: one(faulty.Gzip())},
	{name: "gzip claimed", do: one(faulty.Label("gzip")), blind: true},
	{name: "redirect away", do: one(faulty.Redirect("http://127.0.0.1:9/elsewhere"))},
	{name: "chunked", do: one(faulty.Chunked())},
	{name: "chunked and cut", do: partly(func(n int64) faulty.Fault { return faulty.Chunked().And(faulty.Cut(n)) })},
	{name: "close-delimited", do: one(faulty.CloseDelimited())},
	{name: "close-delimited and cut", blind: true, do: partly(func(n int64) faulty.Fault { return faulty.CloseDelimited().And(faulty.Cut(n)) })},
	{name: "close-delimited and longer", blind: true, do: one(faulty.CloseDelimited().And(faulty.Append([]byte("more"))))},
}

// flip is data with another byte at i.
func flip(data []byte, i int) []byte {
	out := append([]byte(nil), data...)
	out[i] ^= 0xff
	return out
}
