package oci

import (
	"fmt"
	"strings"

	"mirrord/internal/digest"
)

// The longest of each, in bytes, by the specification; a host by RFC 1035.
const (
	maxName = 255
	maxHost = 255
	maxTag  = 128
)

func lower(c byte) bool { return 'a' <= c && c <= 'z' }
func upper(c byte) bool { return 'A' <= c && c <= 'Z' }
func digit(c byte) bool { return '0' <= c && c <= '9' }

// isName reports whether s is a repository: elements of [a-z0-9]+, joined within by
// ".", "_", "__" or dashes.
func isName(s string) bool {
	if len(s) > maxName {
		return false
	}
	for element := range strings.SplitSeq(s, "/") {
		if !isElement(element) {
			return false
		}
	}
	return true
}

func isElement(s string) bool {
	after := 0 // the last letter or digit
	for i := range len(s) {
		if !lower(s[i]) && !digit(s[i]) {
			continue
		}
		if i > after && (after == 0 || !isJoint(s[after:i])) {
			return false
		}
		after = i + 1
	}
	return s != "" && after == len(s)
}

// isJoint takes any number of dashes, which host names within repositories need.
func isJoint(s string) bool {
	return s == "." || s == "_" || s == "__" || strings.Trim(s, "-") == ""
}

func isTag(s string) bool {
	for i := range len(s) {
		c := s[i]
		word := lower(c) || upper(c) || digit(c) || c == '_'
		if !word && (i == 0 || c != '.' && c != '-') {
			return false
		}
	}
	return s != "" && len(s) <= maxTag
}

// isHost reports whether s is a host name or IPv4 address, with or without a port.
func isHost(s string) bool {
	name, port, hasPort := strings.Cut(s, ":")
	if len(s) > maxHost || hasPort && !isPort(port) {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if !isLabel(label) {
			return false
		}
	}
	return true
}

func isLabel(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !lower(c) && !upper(c) && !digit(c) && c != '-' {
			return false
		}
	}
	return s != "" && s[0] != '-' && s[len(s)-1] != '-'
}

func isPort(s string) bool {
	return s != "" && len(s) <= len("65535") && strings.Trim(s, "0123456789") == ""
}

// parseDigest takes a strong digest as the specification writes it: lower case.
func parseDigest(s string) (digest.Digest, error) {
	d, err := digest.Parse(s)
	if err != nil || !d.Strong() || string(d) != s {
		return "", fmt.Errorf("%.80q is no digest, expected sha256: or sha512: and lower-case hexadecimal digits", s)
	}
	return d, nil
}
