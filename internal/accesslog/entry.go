package accesslog

import (
	"encoding/json"
	"strconv"
	"time"
)

// Entry is a request and how it was answered.
type Entry struct {
	At      time.Time     // when the request was there
	Took    time.Duration // until the last byte of the answer was handed to the kernel
	Addr    string        // the client's, without port
	Method  string
	URI     string // as the client wrote it
	Proto   string
	Referer string
	Agent   string
	Status  int
	Bytes   int64  // of the body
	Repo    string // "" where it was no repository's
	Cache   string // how it came: hit, miss, joined, revalidated, stale; "" where it is no artifact
	Aborted bool   // the answer was broken off
}

// Format appends an entry as a line to a buffer.
type Format func([]byte, *Entry) []byte

// clf is the time in the Common Log Format.
const clf = "02/Jan/2006:15:04:05 -0700"

// Combined is the Combined Log Format of Apache and nginx, with what a cache knows
// besides behind it: rt=SECONDS cache=HOW repo=NAME, and aborted.
func Combined(b []byte, e *Entry) []byte {
	b = appendWord(b, e.Addr)
	b = append(b, " - - ["...)
	b = e.At.AppendFormat(b, clf)
	b = append(b, "] \""...)
	b = appendEscaped(b, e.Method)
	b = append(b, ' ')
	b = appendEscaped(b, e.URI)
	b = append(b, ' ')
	b = appendEscaped(b, e.Proto)
	b = append(b, "\" "...)
	b = strconv.AppendInt(b, int64(e.Status), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, e.Bytes, 10)
	b = append(b, " \""...)
	b = appendEscaped(b, orDash(e.Referer))
	b = append(b, "\" \""...)
	b = appendEscaped(b, orDash(e.Agent))
	b = append(b, "\" rt="...)
	b = strconv.AppendFloat(b, e.Took.Seconds(), 'f', 6, 64)
	b = append(b, " cache="...)
	b = appendWord(b, e.Cache)
	b = append(b, " repo="...)
	b = appendWord(b, e.Repo)
	if e.Aborted {
		b = append(b, " aborted"...)
	}
	return append(b, '\n')
}

// line is an entry in JSON.
type line struct {
	Time     time.Time `json:"time"`
	Addr     string    `json:"remote_addr"`
	Method   string    `json:"method"`
	URI      string    `json:"uri"`
	Proto    string    `json:"proto"`
	Status   int       `json:"status"`
	Bytes    int64     `json:"bytes"`
	Duration float64   `json:"duration"` // seconds
	Cache    string    `json:"cache,omitempty"`
	Repo     string    `json:"repo,omitempty"`
	Referer  string    `json:"referer,omitempty"`
	Agent    string    `json:"user_agent,omitempty"`
	Aborted  bool      `json:"aborted,omitempty"`
}

// JSON is an object a line.
func JSON(b []byte, e *Entry) []byte {
	text, err := json.Marshal(line{
		e.At, e.Addr, e.Method, e.URI, e.Proto, e.Status, e.Bytes, e.Took.Seconds(), e.Cache, e.Repo, e.Referer, e.Agent, e.Aborted,
	})
	if err != nil {
		return b // of a year with five digits; there is no other way
	}
	return append(append(b, text...), '\n')
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// appendWord keeps a value that is not quoted in one piece.
func appendWord(b []byte, s string) []byte {
	start := len(b)
	b = appendEscaped(b, orDash(s))
	for i := start; i < len(b); i++ {
		if b[i] == ' ' {
			b[i] = '_'
		}
	}
	return b
}

const hex = "0123456789ABCDEF"

// appendEscaped writes quotes, backslashes and what is not printable ASCII as nginx
// does, \xHH, so that no client can forge a line or a field.
func appendEscaped(b []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\' || c < ' ' || c >= 0x7f:
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}
