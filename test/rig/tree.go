package rig

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"sync"
	"time"
)

// Content makes n bytes that no other seed gives.
func Content(seed uint64, n int) []byte {
	data := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24)})
	_, _ = r.Read(data) // it never fails
	return data
}

// Paths of a Tree.
const (
	ReleasePath  = "dists/stable/Release"
	PackagesPath = "dists/stable/main/binary-amd64/Packages"
)

// Tree is an unsigned apt repository: path below its base to bytes.
type Tree map[string][]byte

// NewTree lists the given packages (paths below pool/) in a Packages file of
// about 350 KiB, more than mirrord fetches to prove a root that is new to it, and
// that in a Release.
func NewTree(debs map[string][]byte) Tree { return newTree(debs, padding()) }

// SmallTree is a Tree with a Packages of these packages alone.
func SmallTree(debs map[string][]byte) Tree { return newTree(debs, nil) }

func newTree(debs map[string][]byte, more []byte) Tree {
	a := Tree{}
	var index bytes.Buffer
	for _, p := range slices.Sorted(maps.Keys(debs)) {
		a[p] = debs[p]
		fmt.Fprintf(&index, "Package: %s\nVersion: 1\nArchitecture: amd64\nFilename: %s\nSize: %d\nSHA256: %x\n\n",
			path.Base(p), p, len(debs[p]), sha256.Sum256(debs[p]))
	}
	index.Write(more)
	a[PackagesPath] = index.Bytes()
	a[ReleasePath] = fmt.Appendf(nil, "Origin: test\nSuite: stable\nCodename: stable\nDate: %s\nArchitectures: amd64\nComponents: main\nSHA256:\n %x %d main/binary-amd64/Packages\n",
		time.Date(2025, 5, 5, 5, 5, 5, 0, time.UTC).Format(time.RFC1123), sha256.Sum256(index.Bytes()), index.Len())
	return a
}

var padding = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	for i := range 2000 {
		sum := sha256.Sum256(fmt.Append(nil, i))
		fmt.Fprintf(&b, "Package: filler%d\nVersion: 1\nArchitecture: amd64\nFilename: pool/filler%d.deb\nSize: 1\nSHA256: %x\n\n", i, i, sum)
	}
	return b.Bytes()
})
