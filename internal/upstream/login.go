package upstream

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
)

// A Login is who asks. The zero value is nobody. Printed, it tells which kind
// it is and no more.
type Login struct {
	Username, Password string
	IdentityToken      string // what a token endpoint takes in place of a password
	Bearer             string // a ready registry token, sent as it is
}

// Servers take about 8 KiB in one field; more would break connections, which
// must not be laid at a mirror's door.
const loginMost = 6 << 10

// IsZero says that it is nobody.
func (l Login) IsZero() bool { return l == Login{} }

func (l Login) String() string {
	switch {
	case l.IsZero():
		return "nobody"
	case l.Bearer != "":
		return "a token"
	case l.IdentityToken != "":
		return "an identity token"
	}
	return "a user"
}

// GoString keeps %#v from printing secrets.
func (l Login) GoString() string { return "upstream.Login(" + l.String() + ")" }

// LogValue keeps slog from printing secrets.
func (l Login) LogValue() slog.Value { return slog.StringValue(l.String()) }

// MarshalText keeps encoders from writing secrets.
func (l Login) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// basic is the Authorization field of a user with a password, "" for others.
func (l Login) basic() string {
	if l.Username == "" || l.Password == "" && l.IdentityToken != "" {
		return ""
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(l.Username+":"+l.Password))
}

// sendable says whether l fits into a request.
func (l Login) sendable() bool {
	long := len(l.Username)+len(l.Password) > loginMost || len(l.IdentityToken) > loginMost || len(l.Bearer) > loginMost
	return !long && (l.Bearer == "" || usableToken(l.Bearer))
}

// usableToken: it can stand in a field, and is one word there.
func usableToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c >= 0x7f })
}

// markKey keys the marks of this process.
var markKey = newMarkKey()

func newMarkKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return key
}

// Mark tells logins apart, within this process, without holding what is secret in
// them; "" is nobody.
func (l Login) Mark() string {
	if l.IsZero() {
		return ""
	}
	h := hmac.New(sha256.New, markKey)
	fmt.Fprintf(h, "%q %q %q %q", l.Username, l.Password, l.IdentityToken, l.Bearer)
	return hex.EncodeToString(h.Sum(nil))
}
