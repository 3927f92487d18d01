package upstream

import (
	"math"
	"strings"
)

// A contentRange is the field of that name (RFC 9110, 14.4), half-open.
type contentRange struct {
	first, end int64 // first -1 in the unsatisfied form "bytes */size"
	size       int64 // -1 where the server wrote "*"
}

// parseContentRange accepts "bytes first-last/size", "bytes first-last/*" and
// "bytes */size". What it accepts is consistent: 0 <= first < end <= size.
func parseContentRange(v string) (contentRange, bool) {
	unit, rest, ok := strings.Cut(v, " ")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return contentRange{}, false
	}
	span, total, ok := strings.Cut(rest, "/")
	if !ok {
		return contentRange{}, false
	}
	size, sizeOK := digits(total)
	if span == "*" {
		return contentRange{first: -1, end: -1, size: size}, sizeOK
	}
	if total == "*" {
		size, sizeOK = -1, true
	}
	a, b, ok := strings.Cut(span, "-")
	first, okFirst := digits(a)
	last, okLast := digits(b)
	if !ok || !sizeOK || !okFirst || !okLast || first > last || size >= 0 && last >= size {
		return contentRange{}, false
	}
	return contentRange{first: first, end: last + 1, size: size}, true
}

// digits reads 1*DIGIT, below the largest int64 so that one more still fits.
func digits(s string) (int64, bool) {
	var n int64
	for _, c := range []byte(s) {
		if c < '0' || c > '9' || n > (math.MaxInt64-10)/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, s != ""
}
