package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"mirrord/internal/mirror"
)

// Most requests are plain GETs for what is stored, many on one connection, and
// net/http costs more for each than all the rest does. So a connection that is
// idle in net/http's eyes answers these by itself, while it is being read from;
// any other request it passes on unread. docs/design/hits.md has the figures.

// conn is a client's connection.
type conn struct {
	*net.TCPConn
	s    *server
	peer *peer
	// idle: net/http waits for a request, or has begun to read one, and nobody else
	// writes.
	idle  atomic.Bool
	given bool               // net/http was given anything
	tail  [len(headEnd)]byte // the last bytes that net/http was given; its readers take turns
	head  []byte             // of the answer being written
	till  time.Time          // when the read deadline was last put off
}

// connListener gives conns.
type connListener struct {
	net.Listener
	s *server
}

func (l connListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	tcp, ok := c.(*net.TCPConn)
	if err != nil || !ok {
		return c, err
	}
	limitStall(tcp, l.s.waits.stall)
	return &conn{TCPConn: tcp, s: l.s, peer: l.s.newPeer(tcp, false)}, nil
}

// between reports that what is read next begins a request: net/http waits for
// one, and no header that it was given is without its end. A connection on which
// a body was sent may never be between requests again.
func (c *conn) between() bool {
	return c.idle.Load() && (!c.given || string(c.tail[:]) == headEnd)
}

// pass notes what net/http is given.
func (c *conn) pass(p []byte) {
	c.given = c.given || len(p) > 0
	n := min(len(p), len(c.tail))
	copy(c.tail[:], c.tail[n:])
	copy(c.tail[len(c.tail)-n:], p[len(p)-n:])
}

// Read gives net/http the requests that are not answered here.
func (c *conn) Read(p []byte) (int, error) {
	for {
		n, err := c.TCPConn.Read(p)
		if n <= 0 || !c.between() {
			if n > 0 && !c.peer.link.ask() {
				return 0, io.EOF
			}
			c.pass(p[:max(n, 0)])
			return n, err
		}
		if !c.peer.link.move(looking, resting, fresh) {
			return 0, io.EOF
		}
		rest, werr := c.answer(p[:n])
		if werr != nil {
			c.peer.link.state.Store(gone)
			return 0, io.EOF // to anything else net/http would write a 400 into the body
		}
		if len(rest) > 0 || err != nil {
			c.peer.link.state.Store(asking)
			c.pass(rest)
			if !c.till.IsZero() { // ours is the longer deadline, for a whole request to come
				c.till = time.Time{}
				c.SetReadDeadline(time.Now().Add(c.s.waits.header))
			}
			return copy(p, rest), err
		}
		if c.s.leaving.Load() {
			c.peer.link.state.Store(gone)
			return 0, io.EOF
		}
		c.peer.link.state.Store(resting)
		if now := time.Now(); now.Sub(c.till) > c.s.waits.idle/10 {
			c.till = now
			c.SetReadDeadline(now.Add(c.s.waits.idle))
		}
	}
}

// Close waits with a connection that net/http takes for idle until what is answered
// on it without net/http is through; Read closes it then.
func (c *conn) Close() error {
	if at := c.peer.link.state.Load(); (at == looking || at == sending) && !c.s.forced.Load() {
		return nil
	}
	return c.TCPConn.Close()
}

// answer answers the plain requests at the start of buf that are hits, and gives
// back what is left.
func (c *conn) answer(buf []byte) (rest []byte, err error) {
	for len(buf) > 0 {
		target, n, ok := plainRequest(buf)
		if !ok {
			break
		}
		hit, err := c.hit(target, buf[:n])
		if err != nil {
			return nil, err
		}
		if !hit {
			break
		}
		buf = buf[n:]
	}
	return buf, nil
}

// hit answers a request for target where that is stored and fresh; request is all
// of its text.
func (c *conn) hit(target string, request []byte) (bool, error) {
	name, path, err := split(target)
	if err != nil || c.s.leaving.Load() {
		return false, nil
	}
	var at time.Time
	if c.s.Access != nil {
		at = time.Now()
	}
	a, err := c.s.Mirror.Open(context.Background(), mirror.Request{Repo: name, Path: path, Client: c.peer.client, OnlyHit: true})
	if err != nil {
		return false, nil
	}
	defer a.Close()
	f, ok := a.ReadSeeker.(kernelFile)
	if !ok && a.Bytes() == nil {
		return false, nil
	}
	counts, way := c.s.metrics.of(name), wayOf(a)
	counts.answers[way].Inc()
	c.peer.link.state.Store(sending)
	defer c.peer.link.state.Store(looking)
	sent, err := c.send(appendHead(c.head[:0], path, a, c.peer.lineage(target, a)), a.Bytes(), f)
	counts.sent[way].Add(float64(sent))
	if c.s.Access != nil {
		c.logHit(request, target, name, way.String(), at, sent, err)
	}
	return true, err
}

// send writes a header and a body, from memory or else from a file, and tells how much
// of the body went out.
func (c *conn) send(head, body []byte, f kernelFile) (int64, error) {
	c.head = head
	if body != nil {
		both := net.Buffers{head, body}
		n, err := both.WriteTo(c.TCPConn)
		return max(n-int64(len(head)), 0), err
	}
	fd, off, left := f.Descriptor()
	n, err := c.sendFile(head, fd, off, left)
	f.Fail(err)
	return n, err
}

// appendHead writes the header of a whole answer: the same fields that serve and
// net/http give. lineage is a dictionary's.
func appendHead(b []byte, name string, a *mirror.Answer, lineage string) []byte {
	b = append(b, "HTTP/1.1 200 OK\r\nAccept-Ranges: bytes\r\nCache-Status: "...)
	b = append(b, a.CacheStatus()...)
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, a.Size, 10)
	b = appendField(b, "Content-Type", contentType(name, a))
	b = append(b, "\r\nDate: "...)
	b = time.Now().UTC().AppendFormat(b, http.TimeFormat)
	b = appendField(b, "Etag", etag(a))
	b = appendField(b, "Last-Modified", lastModified(a))
	b = appendField(b, "Repr-Digest", a.Digest.ReprDigest())
	if lineage != "" {
		b = appendField(b, "Use-As-Dictionary", lineage)
		b = appendField(b, "Cache-Control", dictionaryKept)
		b = appendField(b, "Vary", dictionaryVary)
	}
	return append(b, "\r\n\r\n"...)
}

// appendField leaves out what is empty, and what would break the header.
func appendField(b []byte, name, value string) []byte {
	if value == "" || !plainValue([]byte(value)) {
		return b
	}
	b = append(b, "\r\n"...)
	b = append(b, name...)
	b = append(b, ": "...)
	return append(b, value...)
}
