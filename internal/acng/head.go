package acng

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
)

// HeadExt ends the names of the files that hold headers.
const HeadExt = ".head"

// HeadMost is how large such a file may be, in bytes. Real ones have 200.
const HeadMost = 16 << 10

// ErrHead reports a file that is no header of a whole file.
var ErrHead = errors.New("not a header of apt-cacher-ng")

// Head is what a file came with.
type Head struct {
	Size               int64 // bytes of the whole file, -1 not told
	ETag, LastModified string
	Source             *url.URL // where it was fetched, nil where not told
}

// ParseHead reads a .head file.
func ParseHead(data []byte) (Head, error) {
	if len(data) > HeadMost {
		return Head{}, fmt.Errorf("%w: more than %d bytes", ErrHead, HeadMost)
	}
	r := textproto.NewReader(bufio.NewReader(bytes.NewReader(data)))
	status, err := r.ReadLine()
	if err != nil || !strings.HasPrefix(status, "HTTP/1.") || !strings.Contains(status+" ", " 200 ") {
		return Head{}, fmt.Errorf("%w: %.40q, expected HTTP/1.1 200", ErrHead, status)
	}
	fields, err := r.ReadMIMEHeader()
	if err != nil {
		return Head{}, fmt.Errorf("%w: a field that is none", ErrHead)
	}
	h := Head{Size: -1, ETag: fields.Get("ETag"), LastModified: fields.Get("Last-Modified")}
	if n, err := strconv.ParseInt(fields.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		h.Size = n
	}
	if u, err := url.Parse(fields.Get("X-Original-Source")); err == nil && u.Host != "" {
		h.Source = u
	}
	return h, nil
}

// Base is the URL of the directory that the file at rest, relative to it, was fetched
// from; nil where the source does not tell.
func (h Head) Base(rest string) *url.URL {
	if h.Source == nil {
		return nil
	}
	base, ok := strings.CutSuffix(h.Source.Path, "/"+rest)
	if !ok {
		return nil
	}
	return &url.URL{Scheme: h.Source.Scheme, Host: h.Source.Host, Path: base}
}
