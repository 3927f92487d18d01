package registryfaults

import (
	"net/http"
	"slices"
	"testing"

	"mirrord/internal/faulty"
)

// trouble is a way in which an upstream misbehaves with a blob.
type trouble struct {
	name   string
	faults func(data []byte) []faulty.Fault
	// shows: bytes that prove wrong only when some were passed on. They break the
	// client's connection even where a second upstream is whole, and a range that
	// does not reach the end can be of them.
	shows bool
	// header: nothing in the header of the answer tells that it is wrong.
	header bool
	limits bool // it is upstream's rate limit
}

func (t trouble) statuses() []int {
	if t.limits {
		return []int{http.StatusTooManyRequests}
	}
	if t.header { // then a range can lie behind the end
		return append(slices.Clone(upstreamFailed), http.StatusRequestedRangeNotSatisfiable)
	}
	return upstreamFailed
}

func one(f faulty.Fault) func([]byte) []faulty.Fault {
	return func([]byte) []faulty.Fault { return []faulty.Fault{f} }
}

// partly applies a fault that comes after a third of the blob.
func partly(fault func(int64) faulty.Fault) func([]byte) []faulty.Fault {
	return func(d []byte) []faulty.Fault { return []faulty.Fault{fault(int64(len(d) / 3))} }
}

// cutThen cuts the first answer, and does f to those that resume.
func cutThen(f faulty.Fault) func([]byte) []faulty.Fault {
	return func(d []byte) []faulty.Fault { return []faulty.Fault{faulty.Cut(int64(len(d) / 3)), f} }
}

// away is a host that is not configured.
var away string

// aside makes that host. The func it returns fails the test where anybody came.
func aside(t *testing.T) func() {
	u := faulty.New(t)
	away = u.URL
	return func() {
		t.Helper()
		if got := u.Lines(); len(got) > 0 {
			t.Errorf("a host that is not configured was asked %q", got)
		}
	}
}

func redirect([]byte) []faulty.Fault { return []faulty.Fault{faulty.Redirect(away + "/elsewhere")} }

// errorPage is what a proxy or a login wall in front of a registry says, with 200.
var errorPage = faulty.Page("text/html; charset=utf-8", []byte("<!DOCTYPE html><title>Down for maintenance</title>\n"))

var troubles = []trouble{
	{name: "cut at once", faults: one(faulty.Cut(0))},
	{name: "cut", faults: partly(faulty.Cut)},
	{name: "cut before the last byte", faults: func(d []byte) []faulty.Fault { return []faulty.Fault{faulty.Cut(int64(len(d)) - 1)} }},
	{name: "reset", faults: partly(faulty.Reset)},
	{name: "drop", faults: one(faulty.Drop())},
	{name: "stall", faults: partly(faulty.Stall)},
	{name: "hang", faults: one(faulty.Hang())},
	{name: "cut, then stall", faults: cutThen(faulty.Stall(200_000))},
	{name: "corrupt", faults: one(faulty.Corrupt(40)), shows: true},
	{name: "corrupt middle", faults: func(d []byte) []faulty.Fault { return []faulty.Fault{faulty.Corrupt(int64(len(d))*7/8 + 5)} }, shows: true},
	{name: "corrupt end", faults: func(d []byte) []faulty.Fault { return []faulty.Fault{faulty.Corrupt(int64(len(d)) - 1)} }, shows: true},
	{name: "length too long", faults: one(faulty.Length(77)), shows: true, header: true},
	{name: "length too short", faults: one(faulty.Length(-77)), shows: true, header: true},
	{name: "more than announced", faults: one(faulty.Append([]byte("more")))},
	{name: "ignore range", faults: one(faulty.IgnoreRange())},
	{name: "cut, then ignore range", faults: partly(func(n int64) faulty.Fault { return faulty.IgnoreRange().And(faulty.Cut(n)) })},
	{name: "other content range", faults: one(faulty.ContentRange("bytes 5-104/9999").Ranged())},
	{name: "cut, then other content range", faults: cutThen(faulty.ContentRange("bytes 0-9/10").Ranged())},
	{name: "cut, then no content range", faults: cutThen(faulty.ContentRange("").Ranged())},
	{name: "shift", faults: one(faulty.Shift(100).Ranged()), shows: true},
	{name: "cut, then shift", faults: cutThen(faulty.Shift(100).Ranged()), shows: true},
	{name: "206 unasked", faults: one(faulty.Partial())},
	{name: "error page", faults: one(errorPage), shows: true, header: true},
	{name: "empty page", faults: one(faulty.Page("text/html", nil)), shows: true, header: true},
	{name: "cut, then error page", faults: cutThen(errorPage), shows: true},
	{name: "redirect away", faults: redirect},
	{name: "cut, then redirect away", faults: func(d []byte) []faulty.Fault { return cutThen(redirect(d)[0])(d) }},
	{name: "500", faults: one(faulty.Status(500))},
	{name: "503", faults: one(faulty.Status(503))},
	{name: "503 with Retry-After", faults: one(faulty.Unavailable(1))},
	{name: "429", faults: one(faulty.Status(429)), limits: true},
	{name: "429 with Retry-After", faults: one(faulty.Status(429, "Retry-After", "1")), limits: true},
	{name: "gzip unasked", faults: one(faulty.Gzip())},
	{name: "chunked", faults: one(faulty.Chunked())},
	{name: "chunked and cut", faults: partly(func(n int64) faulty.Fault { return faulty.Chunked().And(faulty.Cut(n)) })},
	{name: "close-delimited and cut", faults: partly(func(n int64) faulty.Fault { return faulty.CloseDelimited().And(faulty.Cut(n)) }), shows: true},
}
