package upstream

import (
	"net/url"
	"strings"
)

// A challenge is one way to log in that a 401 offers (RFC 9110, 11.3).
type challenge struct {
	scheme string            // lower case
	params map[string]string // names in lower case; of repeated ones the first
}

// Real registries send one or two.
const challengesMost = 16

// parseChallenges reads WWW-Authenticate fields. What is malformed ends its
// field; whole challenges before it count.
func parseChallenges(fields []string) []challenge {
	var out []challenge
	for _, s := range fields {
		for len(out) < challengesMost {
			c, rest, ok := nextChallenge(s)
			if !ok {
				break
			}
			out, s = append(out, c), rest
		}
	}
	return out
}

// nextChallenge takes one challenge off the front of s.
func nextChallenge(s string) (c challenge, rest string, ok bool) {
	scheme, s := word(strings.TrimLeft(s, " \t,"))
	if scheme == "" || s != "" && !strings.ContainsRune(" \t,", rune(s[0])) {
		return challenge{}, "", false
	}
	c = challenge{strings.ToLower(scheme), map[string]string{}}
	if after, is := token68(s); is {
		return c, after, true
	}
	for {
		name, value, after, found := param(s)
		switch found {
		case noParam:
			return c, s, true
		case badParam:
			return challenge{}, "", false
		}
		if _, twice := c.params[name]; !twice {
			c.params[name] = value
		}
		s = after
	}
}

// What param found: a name and value, something else, or half of one.
const (
	oneParam = iota
	noParam
	badParam
)

// param takes `name=value` or `name="value"` off the front of s.
func param(s string) (name, value, rest string, found int) {
	name, s = word(strings.TrimLeft(s, " \t,"))
	s, is := strings.CutPrefix(strings.TrimLeft(s, " \t"), "=")
	if name == "" || !is {
		return "", "", "", noParam
	}
	s = strings.TrimLeft(s, " \t")
	ok := true
	if strings.HasPrefix(s, `"`) {
		value, s, ok = quoted(s)
	} else {
		value, s = word(s)
		ok = value != ""
	}
	s = strings.TrimLeft(s, " \t")
	if !ok || s != "" && s[0] != ',' {
		return "", "", "", badParam
	}
	return strings.ToLower(name), value, s, oneParam
}

// word takes a token (RFC 9110, 5.6.2) off the front of s.
func word(s string) (token, rest string) {
	i := 0
	for i < len(s) && wordChar(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

func wordChar(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// quoted takes a quoted-string (RFC 9110, 5.6.4) off the front of s.
func quoted(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], true
		case s[i] == '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// token68 takes the other form of what follows a scheme, as in "Negotiate
// YII=", off the front of s.
func token68(s string) (rest string, ok bool) {
	t := strings.TrimLeft(s, " \t")
	i := 0
	for i < len(t) && (wordChar(t[i]) || t[i] == '/') {
		i++
	}
	if i == 0 || len(t) == len(s) {
		return "", false
	}
	t = strings.TrimLeft(t[i:], "=")
	t = strings.TrimLeft(t, " \t")
	return t, t == "" || t[0] == ','
}

// An offer is the challenge that is taken up.
type offer struct {
	realm          *url.URL // of a Bearer challenge, nil for Basic
	service, scope string
}

// choose takes Bearer before Basic: with it a password goes to the realm only.
func choose(cs []challenge) (offer, bool) {
	basic := false
	for _, c := range cs {
		basic = basic || c.scheme == "basic"
		if c.scheme != "bearer" {
			continue
		}
		realm, err := url.Parse(c.params["realm"])
		if err == nil && realm.Hostname() != "" && (realm.Scheme == "http" || realm.Scheme == "https") {
			realm.User, realm.Fragment, realm.RawFragment = nil, "", ""
			return offer{realm, c.params["service"], c.params["scope"]}, true
		}
	}
	return offer{}, basic
}

// within is the challenge's scope, which knows the repository by the
// registry's own name, unless it is missing or allows other actions than those
// asked for: a mirror must not come by a token that can push.
func within(offered, asked string) string {
	entries := strings.Fields(offered)
	if len(entries) == 0 {
		return asked
	}
	for _, entry := range entries {
		for action := range strings.SplitSeq(actions(entry), ",") {
			if !strings.Contains(","+actions(asked)+",", ","+action+",") {
				return asked
			}
		}
	}
	return strings.Join(entries, " ")
}

// actions is what stands after the last colon of "repository:name:pull".
func actions(scope string) string { return scope[strings.LastIndexByte(scope, ':')+1:] }
