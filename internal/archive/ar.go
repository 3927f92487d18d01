package archive

import (
	"io"
	"strconv"
	"strings"
)

// The common format of ar(5), as .deb files have it: headers of 60 bytes, each
// member at an even place.
const (
	arMagic  = "!<arch>\n"
	arHeader = 60
)

func listAr(c Content) (members []Member) {
	head := make([]byte, arHeader)
	for at := int64(len(arMagic)); len(members) < MaxMembers; {
		if _, err := io.ReadFull(io.NewSectionReader(c, at, arHeader), head); err != nil || string(head[58:]) != "`\n" {
			return members
		}
		n, err := strconv.ParseUint(strings.TrimRight(string(head[48:58]), " "), 10, 40)
		if err != nil {
			return members
		}
		name := strings.TrimRight(string(head[:16]), " ")
		members = append(members, Member{Name: strings.TrimSuffix(name, "/"), Head: at, Off: at + arHeader, Len: int64(n)})
		at = up(at+arHeader+int64(n), 2)
	}
	return members
}
