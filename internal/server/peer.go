package server

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"

	"mirrord/internal/mirror"
)

// peer is the other side of a connection, as handlers know it.
type peer struct {
	client *mirror.Client
	link   *link
	// secure: nobody between the two can be confused by what RFC 9842 allows under TLS only.
	secure bool
}

func (s *server) newPeer(c *net.TCPConn, tls bool) *peer {
	host, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		host = c.RemoteAddr().String()
	}
	local, ok := c.LocalAddr().(*net.TCPAddr)
	return &peer{client: &mirror.Client{Addr: host}, link: s.links.add(c, tls), secure: tls || ok && local.IP.IsLoopback()}
}

// linkOf is a connection's, nil where it is none of ours.
func linkOf(c net.Conn) *link {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	switch c := c.(type) {
	case *conn:
		return c.peer.link
	case *peerConn:
		return c.peer.link
	}
	return nil
}

type peerKey struct{}

// withPeer is the server's ConnContext hook.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	switch c := c.(type) {
	case *conn:
		return context.WithValue(ctx, peerKey{}, c.peer)
	case *peerConn:
		return context.WithValue(ctx, peerKey{}, c.peer)
	}
	return ctx
}

// peerOf is whom the request is from; in tests of a handler alone it is nobody.
func peerOf(r *http.Request) *peer {
	if p, ok := r.Context().Value(peerKey{}).(*peer); ok {
		return p
	}
	return &peer{}
}

// reset has the connection end in a way that no client takes for the end of a
// body. To a client of HTTP/1.0 only a reset connection tells. Also where the client
// seems gone: it may have closed its own side only. HTTP/2 resets the stream.
func (p *peer) reset(r *http.Request) {
	if p.link == nil || r.ProtoMajor >= 2 {
		return
	}
	p.link.tcp.SetLinger(0)
	if r.TLS != nil {
		p.link.tcp.Close() // before net/http says with TLS's own word that all was sent
	}
}

// peerConn is a connection under TLS.
type peerConn struct {
	*net.TCPConn
	peer *peer
}

// peerListener gives peerConns.
type peerListener struct {
	net.Listener
	s *server
}

func (l peerListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	tcp, ok := c.(*net.TCPConn)
	if err != nil || !ok {
		return c, err
	}
	limitStall(tcp, l.s.waits.stall)
	return &peerConn{tcp, l.s.newPeer(tcp, true)}, nil
}
