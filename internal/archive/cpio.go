package archive

import (
	"io"
	"strconv"
	"strings"
)

// The "new ASCII" format of cpio(5), without checksums and with: a header of 14
// fields, the name, the bytes, the last two padded to 4 bytes.
const (
	cpioMagic    = "070701"
	cpioCRCMagic = "070702"
	cpioHeader   = 110
	cpioNameMost = 4096
	cpioTrailer  = "TRAILER!!!"
)

func listCpio(c Content) (members []Member) {
	head := make([]byte, cpioHeader)
	for at := int64(0); len(members) < MaxMembers; {
		if _, err := io.ReadFull(io.NewSectionReader(c, at, cpioHeader), head); err != nil {
			return members
		}
		size, err := cpioField(head, 6)
		nameSize, err2 := cpioField(head, 11)
		if magic := string(head[:6]); magic != cpioMagic && magic != cpioCRCMagic || err != nil || err2 != nil || nameSize > cpioNameMost {
			return members
		}
		name := make([]byte, nameSize)
		if _, err := io.ReadFull(io.NewSectionReader(c, at+cpioHeader, nameSize), name); err != nil {
			return members
		}
		m := Member{Name: strings.TrimRight(string(name), "\x00"), Head: at, Off: up(at+cpioHeader+nameSize, 4), Len: size}
		if m.Name == cpioTrailer {
			return members
		}
		if size > 0 {
			members = append(members, m)
		}
		at = up(m.Off+size, 4)
	}
	return members
}

// cpioField reads the i-th field after the magic number: 8 hexadecimal digits.
func cpioField(head []byte, i int) (int64, error) {
	n, err := strconv.ParseUint(string(head[6+8*i:14+8*i]), 16, 32)
	return int64(n), err
}
