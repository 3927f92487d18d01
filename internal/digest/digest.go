package digest

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// Algorithm is a hash function by its lower-case name.
type Algorithm string

// The algorithms that foreign indexes use. Only SHA256 and SHA512 are Strong;
// the others serve to look a name up, never to vouch for bytes.
const (
	SHA256 Algorithm = "sha256"
	SHA512 Algorithm = "sha512"
	SHA1   Algorithm = "sha1"
	MD5    Algorithm = "md5"
)

// ErrSyntax reports a string that is no digest.
var ErrSyntax = errors.New("not a digest: want algorithm:hex")

var sizes = map[Algorithm]int{SHA256: sha256.Size, SHA512: sha512.Size, SHA1: sha1.Size, MD5: md5.Size}

// Digest is "algorithm:hex" with the hash in lower-case hexadecimal, or "" where
// none is known.
type Digest string

// New makes a Digest of a hexadecimal hash; upper case is folded.
func New(alg Algorithm, hexSum string) (Digest, error) {
	size, known := sizes[alg]
	hexSum = strings.ToLower(hexSum)
	if raw, err := hex.DecodeString(hexSum); !known || err != nil || len(raw) != size {
		return "", fmt.Errorf("%w: %q %q", ErrSyntax, alg, hexSum)
	}
	return Digest(string(alg) + ":" + hexSum), nil
}

// Parse reads "algorithm:hex".
func Parse(s string) (Digest, error) {
	alg, sum, ok := strings.Cut(s, ":")
	if !ok {
		return "", fmt.Errorf("%w: %q", ErrSyntax, s)
	}
	return New(Algorithm(alg), sum)
}

// Of hashes b with SHA-256.
func Of(b []byte) Digest {
	sum := sha256.Sum256(b)
	return FromSum(SHA256, sum[:])
}

// FromSum names the finished hash sum. The caller promises that sum is alg's.
func FromSum(alg Algorithm, sum []byte) Digest {
	return Digest(string(alg) + ":" + hex.EncodeToString(sum))
}

// Algorithm is the part before the colon.
func (d Digest) Algorithm() Algorithm {
	alg, _, _ := strings.Cut(string(d), ":")
	return Algorithm(alg)
}

// Hex is the part after the colon.
func (d Digest) Hex() string {
	_, sum, _ := strings.Cut(string(d), ":")
	return sum
}

// Strong reports whether bytes that match d may be taken for the right ones.
func (d Digest) Strong() bool {
	alg := d.Algorithm()
	return alg == SHA256 || alg == SHA512
}

// NewHash starts a hash that can confirm d, nil for an unknown algorithm.
func (d Digest) NewHash() hash.Hash {
	switch d.Algorithm() {
	case SHA256:
		return sha256.New()
	case SHA512:
		return sha512.New()
	case SHA1:
		return sha1.New()
	case MD5:
		return md5.New()
	}
	return nil
}

// ReprDigest is the value of an RFC 9530 Repr-Digest field, "" where the
// algorithm has no registered name.
func (d Digest) ReprDigest() string {
	raw, err := hex.DecodeString(d.Hex())
	if err != nil || len(raw) == 0 {
		return ""
	}
	switch d.Algorithm() {
	case SHA256:
		return "sha-256=:" + base64.StdEncoding.EncodeToString(raw) + ":"
	case SHA512:
		return "sha-512=:" + base64.StdEncoding.EncodeToString(raw) + ":"
	}
	return ""
}
