package delta

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"

	"mirrord/internal/digest"
	"mirrord/internal/patch"
)

// A delta begins with this and its version in one byte.
const magic = "mrdelta"

// version is the only one that is known. One that folds or patches differently
// counts up.
const version = 1

// Side is one of the two files that a delta is about.
type Side struct {
	Size   int64         `json:"size"`
	Digest digest.Digest `json:"digest"`
}

// sideOf reads all of c.
func sideOf(c patch.Content) (Side, error) {
	h := sha256.New()
	n, err := io.Copy(h, whole(c))
	return Side{n, digest.FromSum(digest.SHA256, h.Sum(nil))}, err
}

// header is what stands before the patch.
type header struct {
	base, target     Side
	oldTree, newTree *node
	treeSize         int64 // of both, as they stand in the delta
}

func (h header) bytes() ([]byte, error) {
	b := append([]byte(magic), version)
	for _, side := range []Side{h.base, h.target} {
		sum, err := hex.DecodeString(side.Digest.Hex())
		if err != nil {
			return nil, err
		}
		b = append(binary.AppendUvarint(b, uint64(side.Size)), sum...)
	}
	trees := writeTrees(h.oldTree, h.newTree)
	return append(binary.AppendUvarint(b, uint64(len(trees))), trees...), nil
}

// readHeader reads a header, and holds it against what o allows.
func readHeader(r *bufio.Reader, o Options) (h header, err error) {
	if err := readVersion(r); err != nil {
		return h, err
	}
	for _, side := range []*Side{&h.base, &h.target} {
		if side.Size, err = readSize(r); err != nil {
			return h, err
		}
		sum := make([]byte, sha256.Size)
		if _, err := io.ReadFull(r, sum); err != nil {
			return h, err
		}
		side.Digest = digest.FromSum(digest.SHA256, sum)
	}
	if h.target.Size > o.MaxTarget {
		return h, fmt.Errorf("%w: a target of %d bytes, at most %d", ErrLimit, h.target.Size, o.MaxTarget)
	}
	if h.treeSize, err = readSize(r); err != nil {
		return h, err
	}
	if h.treeSize > maxTrees {
		return h, fmt.Errorf("%w: trees of %d bytes, at most %d", ErrLimit, h.treeSize, maxTrees)
	}
	trees := make([]byte, h.treeSize)
	if _, err := io.ReadFull(r, trees); err != nil {
		return h, err
	}
	h.oldTree, h.newTree, err = readTrees(trees, h.base.Size, h.target.Size, o.MaxUnfolded)
	return h, err
}

func readVersion(r io.Reader) error {
	head := make([]byte, len(magic)+1)
	if _, err := io.ReadFull(r, head); err != nil {
		return err
	}
	if string(head[:len(magic)]) != magic {
		return fmt.Errorf("%w: it does not begin with %q", ErrCorrupt, magic)
	}
	if v := head[len(magic)]; v != version {
		return fmt.Errorf("%w %d; known is version %d", ErrVersion, v, version)
	}
	return nil
}

// mostSize keeps sums of sizes from overflowing.
const mostSize = 1 << 48

func readSize(r io.ByteReader) (int64, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return 0, err
	}
	if n > mostSize {
		return 0, fmt.Errorf("%w: a size of %d bytes", ErrCorrupt, n)
	}
	return int64(n), nil
}

// nextPart is the next part of a delta: its length, then its bytes.
func nextPart(r *bufio.Reader) (*io.LimitedReader, error) {
	n, err := readSize(r)
	return &io.LimitedReader{R: r, N: n}, err
}

// drain reads part to its end.
func drain(part *io.LimitedReader) error {
	_, err := io.Copy(io.Discard, part)
	if err == nil && part.N > 0 {
		err = io.ErrUnexpectedEOF
	}
	return err
}
