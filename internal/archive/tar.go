package archive

import (
	"archive/tar"
	"io"
	"strings"
)

const tarBlock = 512

func listTar(c Content) (members []Member) {
	section := io.NewSectionReader(c, 0, c.Size())
	r := tar.NewReader(section)
	for end := int64(0); len(members) < MaxMembers; {
		h, err := r.Next()
		if err != nil {
			return members
		}
		off, _ := section.Seek(0, io.SeekCurrent) // the reader takes whole blocks and no more
		if h.Typeflag != tar.TypeReg || h.Size == 0 || isSparse(h) {
			continue
		}
		members = append(members, Member{Name: h.Name, Head: end, Off: off, Len: h.Size})
		end = up(off+h.Size, tarBlock)
	}
	return members
}

// isSparse reports a member of whose Size not all is stored.
func isSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}
