package rig

import (
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"time"
)

// Reply is what a client got. Whoever takes Body for whole must see that Err is
// nil: that is how a broken connection shows.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
	Err    error         // of the connection or the body's end
	First  time.Duration // from asking to the first byte of the body
	Took   time.Duration // from asking to the end
}

// How says in short what it was, for messages.
func (r Reply) How() string {
	return fmt.Sprintf("%d, %d bytes, err %v, %s", r.Status, len(r.Body), r.Err, r.Header.Get("Cache-Status"))
}

// Stale reports whether the answer is labelled so.
func (r Reply) Stale() bool {
	return strings.Contains(r.Header.Get("Cache-Status"), "fwd=stale; detail=")
}

// Hit reports whether the answer came from the store.
func (r Reply) Hit() bool { return strings.Contains(r.Header.Get("Cache-Status"), "; hit") }

// clientFor bounds every request, so that a test that hangs says where.
const clientFor = 60 * time.Second

// NewClient makes a client that takes bodies as they are. Without keepAlive each
// request has a connection of its own.
func NewClient(keepAlive bool) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableCompression: true, DisableKeepAlives: !keepAlive, MaxIdleConnsPerHost: 1,
	}}
}

var single = NewClient(false)

// Get asks on a connection of its own; fields are pairs of header names and
// values.
func Get(url string, fields ...string) Reply { return Do(single, http.MethodGet, url, fields...) }

// Do sends one request and reads the whole answer.
func Do(c *http.Client, method, url string, fields ...string) (r Reply) {
	ctx, cancel := context.WithTimeout(context.Background(), clientFor)
	defer cancel()
	start := time.Now()
	defer func() { r.Took = time.Since(start) }()
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return Reply{Err: err}
	}
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Add(fields[i], fields[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		return Reply{Err: err}
	}
	defer resp.Body.Close()
	r = Reply{Status: resp.StatusCode, Header: resp.Header}
	var first [1]byte
	n, err := io.ReadFull(resp.Body, first[:])
	r.First = time.Since(start)
	if err == io.EOF {
		return r
	}
	rest, rerr := io.ReadAll(resp.Body)
	if err == nil {
		err = rerr
	}
	r.Body, r.Err = append(first[:n], rest...), err
	return r
}

// Parts gives the bodies of a multipart/byteranges answer by Content-Range.
func (r Reply) Parts() (map[string][]byte, error) {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	parts := make(map[string][]byte)
	reader := multipart.NewReader(strings.NewReader(string(r.Body)), params["boundary"])
	for {
		p, err := reader.NextPart()
		if err == io.EOF {
			return parts, nil
		}
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(p)
		if err != nil {
			return nil, err
		}
		parts[p.Header.Get("Content-Range")] = body
	}
}
