package server

import (
	"io"
	"math"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// sendMax bounds one sendfile call, so that one connection does not keep its
// thread for long.
const sendMax = 1 << 20

// limitStall has the kernel end a connection whose other side takes nothing for that
// long. Where it cannot, keep-alive probes are what remains.
func limitStall(c *net.TCPConn, most time.Duration) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(most.Milliseconds()))
	})
}

// kernelFile is a body that the kernel can send by itself (cache.File).
type kernelFile interface {
	Descriptor() (fd int, off, left int64)
	Advance(n int64)
	Fail(err error)
}

// ReadFrom has the kernel send a file, or a range of one. net/http calls it for
// every body; anything else goes the usual way.
func (c *conn) ReadFrom(src io.Reader) (int64, error) {
	body, left := src, int64(math.MaxInt64)
	limited, ok := src.(*io.LimitedReader)
	if ok {
		body, left = limited.R, limited.N
	}
	f, ok := body.(kernelFile)
	if !ok {
		return c.TCPConn.ReadFrom(src)
	}
	fd, off, rest := f.Descriptor()
	n, err := c.sendFile(nil, fd, off, min(left, rest))
	f.Advance(n)
	f.Fail(err)
	if limited != nil {
		limited.N -= n
	}
	return n, err
}

// sendFile sends head and then left bytes of fd from off on, and tells how many
// of these went out.
func (c *conn) sendFile(head []byte, fd int, off, left int64) (sent int64, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	werr := raw.Write(func(sock uintptr) (done bool) {
		for len(head) > 0 {
			var n int
			// MSG_MORE: the body follows in the same segment.
			n, err = unix.SendmsgN(int(sock), head, nil, nil, unix.MSG_MORE)
			switch {
			case err == nil:
				head = head[n:]
			case err != unix.EINTR:
				return err != unix.EAGAIN
			}
		}
		for sent < left {
			var n int
			n, err = unix.Sendfile(int(sock), fd, &off, int(min(left-sent, sendMax)))
			switch {
			case n > 0:
				sent += int64(n)
			case err == nil:
				err = io.ErrUnexpectedEOF // the file was cut behind our back
				return true
			case err != unix.EINTR:
				return err != unix.EAGAIN
			}
		}
		err = nil
		return true
	})
	if werr != nil {
		err = werr
	}
	return sent, err
}
