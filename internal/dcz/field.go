package dcz

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"mirrord/internal/digest"
)

// Coding is the name in Accept-Encoding and Content-Encoding.
const Coding = "dcz"

// ErrField reports an Available-Dictionary that is none.
var ErrField = errors.New("not a dictionary's digest, want the base64 of a SHA-256 between colons")

// Available reads the value of an Available-Dictionary field: an RFC 9651 byte sequence
// of 32 bytes, without parameters.
func Available(field string) (digest.Digest, error) {
	text := strings.Trim(field, " ")
	inner, begins := strings.CutPrefix(text, ":")
	inner, ends := strings.CutSuffix(inner, ":")
	if !begins || !ends || len(inner) != base64.StdEncoding.EncodedLen(sha256.Size) || strings.ContainsAny(inner, "\r\n") {
		return "", fmt.Errorf("%w: %.80q", ErrField, field)
	}
	sum, err := base64.StdEncoding.DecodeString(inner)
	if err != nil {
		return "", fmt.Errorf("%w: %.80q", ErrField, field)
	}
	return digest.FromSum(digest.SHA256, sum), nil
}

// Accepts reports that the Accept-Encoding fields name dcz. A * does not mean it: the
// client must have a dictionary at hand.
func Accepts(fields []string) bool {
	for _, field := range fields {
		for item := range strings.SplitSeq(field, ",") {
			coding, params, _ := strings.Cut(item, ";")
			if strings.EqualFold(strings.TrimSpace(coding), Coding) {
				return !refused(params)
			}
		}
	}
	return false
}

// refused reports a weight of nothing, q=0. One that cannot be read is one.
func refused(params string) bool {
	name, value, ok := strings.Cut(params, "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(name), "q") {
		return strings.TrimSpace(params) != ""
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	return err != nil || !(q > 0)
}
