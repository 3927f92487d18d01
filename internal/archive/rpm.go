package archive

import (
	"encoding/binary"
	"io"
)

// An RPM package: a lead of 96 bytes, the signatures as a header padded to 8
// bytes, the header, and the payload up to the end.
const (
	rpmMagic       = "\xed\xab\xee\xdb"
	rpmLead        = 96
	rpmHeaderMagic = "\x8e\xad\xe8\x01"
	rpmIntro       = 16 // of a header: magic, reserved, number of entries, bytes of data
	rpmEntry       = 16
)

func listRPM(c Content) []Member {
	signatures, ok := rpmHeader(c, rpmLead)
	if !ok {
		return nil
	}
	header := up(signatures, 8)
	payload, ok := rpmHeader(c, header)
	if !ok {
		return nil
	}
	return []Member{
		{Name: "signatures", Head: 0, Off: rpmLead, Len: signatures - rpmLead},
		{Name: "header", Head: signatures, Off: header, Len: payload - header},
		{Name: "payload", Head: payload, Off: payload, Len: c.Size() - payload},
	}
}

// rpmHeader is where the header at at ends.
func rpmHeader(c Content, at int64) (end int64, ok bool) {
	intro := make([]byte, rpmIntro)
	if _, err := io.ReadFull(io.NewSectionReader(c, at, rpmIntro), intro); err != nil || string(intro[:4]) != rpmHeaderMagic {
		return 0, false
	}
	entries, data := binary.BigEndian.Uint32(intro[8:]), binary.BigEndian.Uint32(intro[12:])
	return at + rpmIntro + rpmEntry*int64(entries) + int64(data), true
}
