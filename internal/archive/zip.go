package archive

import "archive/zip"

const (
	zipHeader = 30 // before the name
	encrypted = 1  // the bit of a member's flags that says so
)

func listZip(c Content) (members []Member) {
	r, err := zip.NewReader(c, c.Size())
	if err != nil {
		return nil
	}
	for _, f := range r.File[:min(len(r.File), MaxMembers)] {
		off, err := f.DataOffset()
		if err != nil || f.CompressedSize64 > uint64(c.Size()) {
			continue
		}
		members = append(members, Member{
			Name: f.Name, Head: off - zipHeader - int64(len(f.Name)), Off: off, Len: int64(f.CompressedSize64),
			Deflated: f.Method == zip.Deflate && f.Flags&encrypted == 0,
		})
	}
	return members
}
