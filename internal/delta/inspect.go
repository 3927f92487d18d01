package delta

import (
	"bufio"
	"io"
)

// Inspect reads what a delta says of itself, to its end, without making anything of
// it. Errors are those of Apply.
func Inspect(delta io.Reader, o Options) (Info, error) {
	in := &counted{r: delta}
	r := bufio.NewReaderSize(in, 64<<10)
	info, err := inspect(r, o.withDefaults())
	info.Size = in.n
	if in.err != nil {
		return info, in.err
	}
	return info, senseless(err)
}

func inspect(r *bufio.Reader, o Options) (Info, error) {
	h, err := readHeader(r, o)
	if err != nil {
		return Info{}, err
	}
	h.newTree.lay(0)
	info := Info{Version: version, Base: h.base, Target: h.target, TreeSize: h.treeSize, Unfolded: h.newTree.flatLen}
	if info.PatchSize, err = skipPart(r); err != nil {
		return info, err
	}
	packed := map[*node]int64{}
	if err := skipPacked(r, h.newTree, packed); err != nil {
		return info, err
	}
	numbers := map[*node]int{nil: -1}
	h.oldTree.walk(func(n *node) {
		numbers[n] = len(info.Old)
		info.Old = append(info.Old, n.describe())
	})
	h.newTree.walk(func(n *node) {
		s := n.describe()
		s.From, s.Packed = numbers[n.old], packed[n]
		info.PackedSize += s.Packed
		info.New = append(info.New, s)
	})
	return info, nil
}

func (n *node) describe() Stream {
	return Stream{Kind: codecs[n.kind].name, Depth: n.depth, Off: n.off, Len: n.len, Size: n.size, From: -1}
}

// skipPacked reads over the decisions of the streams that n holds, in the order in
// which they are written.
func skipPacked(r *bufio.Reader, n *node, packed map[*node]int64) (err error) {
	for _, c := range n.children {
		if err := skipPacked(r, c, packed); err != nil {
			return err
		}
		if packed[c], err = skipPart(r); err != nil {
			return err
		}
	}
	return nil
}

// skipPart reads over a part and returns its length.
func skipPart(r *bufio.Reader) (int64, error) {
	part, err := nextPart(r)
	if err != nil {
		return 0, err
	}
	n := part.N
	return n, drain(part)
}

// counted counts what is read of r, and keeps why that failed.
type counted struct {
	r   io.Reader
	n   int64
	err error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}
