package delta

import (
	"bytes"

	"mirrord/internal/patch"
)

// format is what streams have in common that are unpacked in the same way.
type format struct {
	unpacked kind // unfolds a stream that is not to be folded again
	replayed kind // also tells how its encoder decided; 0 where nothing does
}

var (
	gzipFormat    = format{unpacked: unpackedGzip, replayed: gzipped}
	deflateFormat = format{unpacked: unpackedDeflate, replayed: deflate}
	zstdFormat    = format{unpacked: unpackedZstd}
	xzFormat      = format{unpacked: unpackedXZ, replayed: xzKind}
)

// look is what a run of bytes seems to be: a stream of a format, nil for none, that
// begins behind skip bytes, perhaps by one of these encoders, which need no decisions
// told.
type look struct {
	format   *format
	skip     int64
	encoders []kind
}

func sniff(c patch.Content) look {
	head := make([]byte, 1<<10)
	n, _ := c.ReadAt(head, 0)
	head = head[:n]
	if bytes.HasPrefix(head, []byte("\x1f\x8b\x08")) {
		if skip, ok := gzipHeader(head); ok {
			return look{&gzipFormat, skip, gzipEncoders(head)}
		}
	}
	if bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")) {
		return look{format: &xzFormat}
	}
	if bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")) {
		return look{format: &zstdFormat, encoders: []kind{goZstd + 2, goZstd + 1, goZstd + 3}}
	}
	return look{}
}

// The flags of a gzip header (RFC 1952).
const (
	gzipCRC     = 1 << 1
	gzipExtra   = 1 << 2
	gzipName    = 1 << 3
	gzipComment = 1 << 4
	gzipKnown   = 1<<5 - 1
)

// gzipHeader is how long the header is that head begins with.
func gzipHeader(head []byte) (int64, bool) {
	at := 10
	if len(head) < at || head[3]&^gzipKnown != 0 {
		return 0, false
	}
	flags := head[3]
	if flags&gzipExtra != 0 {
		if len(head) < at+2 {
			return 0, false
		}
		at += 2 + int(head[at]) + int(head[at+1])<<8
	}
	for _, text := range []byte{gzipName, gzipComment} {
		if flags&text == 0 {
			continue
		}
		end := bytes.IndexByte(head[min(at, len(head)):], 0)
		if end < 0 {
			return 0, false
		}
		at += end + 1
	}
	if flags&gzipCRC != 0 {
		at += 2
	}
	return int64(at), at <= len(head)
}

// gzipEncoders are the encoders that write such a header. Go's leaves the system
// unknown, and tells its fastest and its best level.
func gzipEncoders(head []byte) []kind {
	const (
		fastest, best = 4, 2 // in the field XFL
		unknownSystem = 255
	)
	xfl, system := head[8], head[9]
	switch {
	case system != unknownSystem:
		return nil
	case xfl == fastest:
		return []kind{goGzip + 1}
	case xfl == best:
		return []kind{goGzip + 9}
	}
	return []kind{goGzip + 6, goGzip + 5, goGzip + 7, goGzip + 4, goGzip + 8, goGzip + 3, goGzip + 2}
}
