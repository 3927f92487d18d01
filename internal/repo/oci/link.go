package oci

import (
	"net/url"
	"strings"
)

// LinkNext finds the next page in a Link field (RFC 8288) of upstream's. Of the target
// only the query is ever used, written as Request.Query is: without ns and
// artifactType, which the caller adds for its client. A field or query beyond the
// limits, or one that ParseRequest would refuse, is no link.
func LinkNext(link string) (query string, ok bool) {
	if len(link) > maxQuery {
		return "", false
	}
	for link != "" {
		target, params, rest, ok := cutLink(link)
		if !ok {
			return "", false
		}
		if relNext(params) {
			return targetQuery(target)
		}
		link = rest
	}
	return "", false
}

// cutLink takes the first "<target>; params" off a list that commas separate.
func cutLink(list string) (target, params, rest string, ok bool) {
	list = strings.TrimLeft(list, " \t,")
	list, ok = strings.CutPrefix(list, "<")
	if !ok {
		return "", "", "", false
	}
	target, list, ok = strings.Cut(list, ">")
	end := unquotedIndex(list, ',')
	return target, list[:end], list[end:], ok
}

// unquotedIndex is where c stands outside quotes, or the length of s.
func unquotedIndex(s string, c byte) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == c && !quoted:
			return i
		}
	}
	return len(s)
}

// relNext looks at the first rel, the only one that counts.
func relNext(params string) bool {
	for params != "" {
		end := unquotedIndex(params, ';')
		name, value, _ := strings.Cut(params[:end], "=")
		if strings.EqualFold(strings.TrimSpace(name), "rel") {
			return hasWord(strings.Trim(strings.TrimSpace(value), `"`), "next")
		}
		params = strings.TrimPrefix(params[end:], ";")
	}
	return false
}

func hasWord(s, word string) bool {
	for field := range strings.FieldsSeq(s) {
		if strings.EqualFold(field, word) {
			return true
		}
	}
	return false
}

func targetQuery(target string) (string, bool) {
	u, err := url.Parse(target)
	if err != nil {
		return "", false
	}
	values, err := parseQuery(u.RawQuery)
	if err != nil {
		return "", false
	}
	query, err := pageQuery(values)
	return query, err == nil && query != ""
}
