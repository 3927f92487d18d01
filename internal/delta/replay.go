package delta

import (
	"bufio"
	"io"

	"mirrord/internal/patch"
	"mirrord/internal/replay/flate"
	"mirrord/internal/replay/lzma"
)

var xzCodec = codec{
	name: "xz", family: "xz", decompose: lzma.Decompose,
	pack: func(w io.Writer, s stream) error {
		return lzma.Pack(w, s.script, s.content, lzma.Old{Content: s.oldContent, Script: s.oldScript}, s.matches)
	},
	rebuild: func(w io.Writer, packed io.Reader, s stream) error {
		return lzma.Rebuild(w, packed, s.content, lzma.Old{Content: s.oldContent, Script: s.oldScript}, s.matches)
	},
}

// unxz leaves the decisions away.
func unxz(r *bufio.Reader, content, _ io.Writer) error { return lzma.Decompose(r, content, io.Discard) }

var deflateCodec = codec{
	name: "deflate", family: "deflate",
	decompose: flate.Decompose, pack: packDeflate, rebuild: rebuildDeflate,
}

func packDeflate(w io.Writer, s stream) error {
	return flate.Pack(w, s.script, s.content, flate.Old{Content: s.oldContent, Script: s.oldScript}, s.matches)
}

func rebuildDeflate(w io.Writer, packed io.Reader, s stream) error {
	return flate.Rebuild(w, packed, s.content, flate.Old{Content: s.oldContent, Script: s.oldScript}, s.matches)
}

// gzipCodec is a deflate stream and the trailer behind it, which tells its content.
var gzipCodec = codec{
	name: "gzip", family: "deflate",
	decompose: func(r *bufio.Reader, content, script io.Writer) error {
		t := newTrailer()
		if err := flate.Decompose(r, io.MultiWriter(content, t), script); err != nil {
			return err
		}
		return t.follows(r)
	},
	pack: packDeflate,
	rebuild: func(w io.Writer, packed io.Reader, s stream) error {
		if err := rebuildDeflate(w, packed, s); err != nil {
			return err
		}
		return trailerOf(w, s.content)
	},
}

// trailerOf writes the gzip trailer of c.
func trailerOf(w io.Writer, c patch.Content) error {
	t := newTrailer()
	if _, err := io.Copy(t, whole(c)); err != nil {
		return err
	}
	_, err := w.Write(t.bytes())
	return err
}
