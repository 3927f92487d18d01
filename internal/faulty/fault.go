package faulty

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// A Fault is one way to answer wrongly. It is a value: Times, Always, When
// and And return changed copies.
type Fault struct {
	times  int // how many requests it still serves, below zero for ever
	when   func(*http.Request) bool
	swap   func(*Server, string) file // replaces the file at the path; the server is locked
	before []func(*exchange) bool     // ahead of the answer; false: nothing more is sent
	after  []func(*exchange)          // change the right answer
}

// Times makes the fault serve n requests.
func (f Fault) Times(n int) Fault { f.times = n; return f }

// Always makes the fault serve every request until Heal.
func (f Fault) Always() Fault { f.times = -1; return f }

// When limits the fault to requests that fit; the others pass it by.
func (f Fault) When(fits func(*http.Request) bool) Fault { f.when = fits; return f }

// Ranged limits the fault to requests with a Range.
func (f Fault) Ranged() Fault {
	return f.When(func(r *http.Request) bool { return r.Header.Get("Range") != "" })
}

// And does both faults to the same request.
func (f Fault) And(g Fault) Fault {
	f.before = append(slices.Clone(f.before), g.before...)
	f.after = append(slices.Clone(f.after), g.after...)
	if g.swap != nil {
		f.swap = g.swap
	}
	return f
}

func before(do func(*exchange) bool) Fault {
	return Fault{times: 1, before: []func(*exchange) bool{do}}
}

func after(do func(*exchange)) Fault { return Fault{times: 1, after: []func(*exchange){do}} }

// Pass is no fault: it lets a request through, to reach those behind it.
func Pass() Fault { return Fault{times: 1} }

// Cut ends the connection (FIN) after n body bytes of the answer; n = 0 sends
// the header only.
func Cut(n int64) Fault {
	return after(func(x *exchange) { x.answer.stop, x.answer.at = cut, n })
}

// Reset is Cut with a TCP reset in place of FIN.
func Reset(n int64) Fault {
	return after(func(x *exchange) { x.answer.stop, x.answer.at = reset, n })
}

// Stall sends n body bytes and then nothing until Release, the client's
// leaving, or the test's end; after Release the rest follows.
func Stall(n int64) Fault {
	return after(func(x *exchange) { x.answer.stop, x.answer.at = stall, n })
}

// Hang sends nothing at all, not even a header, until Release or the client's
// leaving; after Release the right answer follows.
func Hang() Fault { return before(func(x *exchange) bool { return x.pause(nil) }) }

// Delay holds the header back.
func Delay(d time.Duration) Fault {
	return before(func(x *exchange) bool { return x.pause(time.After(d)) })
}

// Drop ends the connection without an answer.
func Drop() Fault { return before(func(*exchange) bool { panic(http.ErrAbortHandler) }) }

// Corrupt flips the byte at this offset of the file, whatever range is asked.
func Corrupt(at int64) Fault {
	return after(func(x *exchange) {
		i := at - x.answer.off
		if i < 0 || i >= int64(len(x.answer.body)) {
			return
		}
		x.answer.body = slices.Clone(x.answer.body)
		x.answer.body[i] ^= 0xff
	})
}

// Length announces delta bytes more (or fewer) than are sent.
func Length(delta int64) Fault {
	return after(func(x *exchange) { x.answer.delta, x.answer.framing = delta, byLie })
}

// IgnoreRange answers 200 with everything.
func IgnoreRange() Fault {
	return before(func(x *exchange) bool {
		x.r = x.r.Clone(x.r.Context())
		x.r.Header.Del("Range")
		return true
	})
}

// IgnoreIfRange answers a Range from the present file whatever If-Range says.
func IgnoreIfRange() Fault {
	return before(func(x *exchange) bool {
		x.r = x.r.Clone(x.r.Context())
		x.r.Header.Del("If-Range")
		return true
	})
}

// ContentRange puts v in place of the right Content-Range; "" leaves it out.
func ContentRange(v string) Fault { return Header("Content-Range", v) }

// Header sets one field of the answer; "" removes it.
func Header(key, v string) Fault {
	return after(func(x *exchange) {
		x.answer.header.Del(key)
		if v != "" {
			x.answer.header.Set(key, v)
		}
	})
}

// Shift sends, under the right Content-Range, bytes that stand n further on
// in the file (as many as were announced, wrapping round at its end).
func Shift(n int64) Fault {
	return after(func(x *exchange) {
		size := int64(len(x.file.data))
		wrong := make([]byte, len(x.answer.body))
		for i := range wrong {
			wrong[i] = x.file.data[(x.answer.off+n+int64(i))%size]
		}
		x.answer.body = wrong
	})
}

// Partial answers a request without Range with 206 for all but the first
// byte, as if it had asked for them.
func Partial() Fault {
	return before(func(x *exchange) bool {
		x.r = x.r.Clone(x.r.Context())
		x.r.Header.Set("Range", "bytes=1-")
		x.r.Header.Del("If-Range")
		return true
	})
}

// Swap replaces the file as the request comes in, for good: a Set after it stands.
func Swap(data []byte) Fault {
	data = slices.Clone(data)
	return Fault{times: 1, swap: func(s *Server, path string) file {
		s.files[path] = s.version(data)
		return s.files[path]
	}}
}

// Status answers with a code and, in pairs, header fields.
func Status(code int, fields ...string) Fault {
	return after(func(x *exchange) {
		x.answer = plain(code)
		for i := 0; i+1 < len(fields); i += 2 {
			x.answer.header.Set(fields[i], fields[i+1])
		}
	})
}

// Page answers 200 with a page of its own, whatever stands at the path.
func Page(mime string, data []byte) Fault {
	data = slices.Clone(data)
	return after(func(x *exchange) {
		x.answer = answer{status: http.StatusOK, header: http.Header{"Content-Type": {mime}}, body: data}
	})
}

// Unavailable is 503 with Retry-After in seconds.
func Unavailable(retryAfter int) Fault {
	return Status(http.StatusServiceUnavailable, "Retry-After", strconv.Itoa(retryAfter))
}

// Redirect sends the client to a URL with 302.
func Redirect(url string) Fault { return Status(http.StatusFound, "Location", url) }

// Label claims a Content-Encoding for bytes that are sent as they are.
func Label(encoding string) Fault { return Header("Content-Encoding", encoding) }

// Gzip compresses the body unasked, and says so.
func Gzip() Fault {
	return after(func(x *exchange) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(x.answer.body) // a bytes.Buffer takes everything
		_ = z.Close()
		x.answer.body = b.Bytes()
		x.answer.header.Set("Content-Encoding", "gzip")
	})
}

// Chunked sends no length, in chunks; an end before the last chunk shows.
func Chunked() Fault { return after(func(x *exchange) { x.answer.framing = byChunks }) }

// CloseDelimited sends no length and ends by closing the connection, as
// HTTP/1.0 did; an early end does not show.
func CloseDelimited() Fault { return after(func(x *exchange) { x.answer.framing = byClose }) }

// Append sends extra bytes behind the body: beyond the announced length when
// there is one, seen by the client with Chunked or CloseDelimited.
func Append(extra []byte) Fault {
	extra = slices.Clone(extra)
	return after(func(x *exchange) {
		x.answer.body = append(slices.Clone(x.answer.body), extra...)
		if x.answer.framing == byLength {
			x.answer.framing, x.answer.delta = byLie, -int64(len(extra))
		}
	})
}
