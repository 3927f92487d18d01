package archive

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"
)

// MaxMembers is how many members of one archive are told; those after them are not.
// Debian's largest packages have about 60,000 files.
const MaxMembers = 1 << 18

// Content is an archive's bytes.
type Content interface {
	io.ReaderAt
	Size() int64
}

// Member is a member of an archive that has bytes of its own. Its name is without
// "./" and "/" before it.
type Member struct {
	Name     string
	Head     int64 // where the member's header begins
	Off, Len int64 // the member's bytes as they are stored
	Deflated bool  // they are a bare deflate stream, as in a zip file
}

// formats are tried in this order by their magic numbers.
var formats = []struct {
	at    int
	magic string
	list  func(Content) []Member
}{
	{0, arMagic, listAr},
	{0, rpmMagic, listRPM},
	{0, "PK\x03\x04", listZip},
	{0, cpioMagic, listCpio},
	{0, cpioCRCMagic, listCpio},
	{257, "ustar", listTar},
}

// List tells the members of c in the order in which they lie, none of which overlap.
// There are none where c is no archive. A broken archive's end where it breaks, and
// so do those of one that cannot be read.
func List(c Content) []Member {
	head := make([]byte, 512)
	n, _ := c.ReadAt(head, 0)
	for _, f := range formats {
		if bytes.HasPrefix(head[min(f.at, n):n], []byte(f.magic)) {
			return ordered(f.list(c), c.Size())
		}
	}
	return nil
}

// ordered sorts members and takes out those that overlap one before them or lie
// outside of size bytes.
func ordered(members []Member, size int64) []Member {
	slices.SortStableFunc(members, func(a, b Member) int { return cmp.Compare(a.Off, b.Off) })
	kept, end := members[:0], int64(0)
	for _, m := range members {
		if m.Off < end || m.Len <= 0 || m.Len > size-m.Off {
			continue
		}
		m.Head = max(min(m.Head, m.Off), end)
		m.Name = strings.TrimLeft(strings.TrimPrefix(m.Name, "./"), "/")
		end = m.Off + m.Len
		kept = append(kept, m)
	}
	return kept
}

// up rounds n up to a multiple of unit, a power of 2.
func up(n, unit int64) int64 { return (n + unit - 1) &^ (unit - 1) }
