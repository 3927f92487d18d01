package token

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Role is what a token may do. Of Read, Operate and Admin each may do what the ones
// before it may.
type Role string

// Read may look, Operate may change what is stored, Admin may give tokens out. Edge is
// another mirrord's, which is served the token's repositories and nothing else.
const (
	Read    Role = "read"
	Operate Role = "operate"
	Admin   Role = "admin"
	Edge    Role = "edge"
)

// roles are in the order of what they may do; who is below all may do nothing.
var roles = map[Role]int{Read: 1, Operate: 2, Admin: 3, Edge: -1}

// ParseRole reads a role's name.
func ParseRole(s string) (Role, error) {
	if roles[Role(s)] == 0 {
		return "", fmt.Errorf("%w: %q, expected read, operate, admin or edge", ErrInvalid, s)
	}
	return Role(s), nil
}

// May reports that the role includes need.
func (r Role) May(need Role) bool { return roles[r] >= roles[need] }

// Token is one token without its secret.
type Token struct {
	Name    string     `json:"name"`
	Role    Role       `json:"role"`
	Repos   []string   `json:"repos,omitempty"` // that an edge is granted; of other roles none
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires,omitempty"` // nil = never
}

// Grants reports an edge's token that is good for the repository.
func (t Token) Grants(repo string) bool { return t.Role == Edge && slices.Contains(t.Repos, repo) }

var (
	// ErrUnknown reports a secret, or a name, that no token has.
	ErrUnknown = errors.New("no such token")
	// ErrExpired reports a token that was good once.
	ErrExpired = errors.New("the token has expired")
	// ErrExists reports a name that is taken.
	ErrExists = errors.New("there is a token of that name")
	// ErrInvalid reports a name or a role that no token can have.
	ErrInvalid = errors.New("not usable for a token")
)

const (
	// prefix lets scanners for leaked secrets know one.
	prefix = "mirrord_"
	// nameMost bounds a name, in bytes.
	nameMost = 64
)

// newSecret makes the text that its owner keeps: 256 random bits.
func newSecret() string {
	raw := make([]byte, 32)
	rand.Read(raw) // never fails
	return prefix + base64.RawURLEncoding.EncodeToString(raw)
}

// hashOf is what is kept of a secret. It is random enough to need no slow hash.
func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func checkName(name string) error {
	ok := name != "" && len(name) <= nameMost && !strings.ContainsRune("._@-", rune(name[0])) && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._@-", r))
	})
	if !ok {
		return fmt.Errorf("%w: name %q, expected 1 to %d letters, digits, dots, dashes, underscores and @, the first a letter or a digit", ErrInvalid, name, nameMost)
	}
	return nil
}
