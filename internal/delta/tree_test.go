package delta

import (
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// drawTree draws streams into n, of a sum of sizes below left.
func drawTree(t *rapid.T, n *node, left *int64, olds []*node) {
	at := int64(0)
	for range rapid.IntRange(0, 3).Draw(t, "streams") {
		if n.depth == 3 || n.size-at < 10 {
			return
		}
		c := &node{parent: n, depth: n.depth + 1, kind: goGzip + 6}
		c.off = at + rapid.Int64Range(0, (n.size-at)/4).Draw(t, "gap")
		c.len = rapid.Int64Range(0, (n.size-c.off)/2).Draw(t, "length")
		c.size = rapid.Int64Range(0, *left/2).Draw(t, "size")
		*left -= c.size
		if len(olds) > 0 && rapid.Bool().Draw(t, "known") {
			c.old = rapid.SampledFrom(olds).Draw(t, "old")
		}
		n.children = append(n.children, c)
		drawTree(t, c, left, olds)
		at = c.end()
	}
}

// listed is a tree as text.
func listed(n *node) string {
	s := fmt.Sprintf("%d:%d+%d=%d", n.kind, n.off, n.len, n.size)
	if n.old != nil {
		s += fmt.Sprintf("<%d+%d", n.old.off, n.old.len)
	}
	for _, c := range n.children {
		s += "(" + listed(c) + ")"
	}
	return s
}

func drawTrees(t *rapid.T) (old, new *node) {
	old = &node{size: rapid.Int64Range(0, 1<<14).Draw(t, "old size")}
	new = &node{size: rapid.Int64Range(0, 1<<14).Draw(t, "new size")}
	left := int64(1 << 15)
	drawTree(t, old, &left, nil)
	var olds []*node
	old.walk(func(n *node) { olds = append(olds, n) })
	left = 1 << 15
	drawTree(t, new, &left, olds)
	return old, new
}

// TestTrees: trees are read as they were written.
func TestTrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, new := drawTrees(t)
		gotOld, gotNew, err := readTrees(writeTrees(old, new), old.size, new.size, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if listed(old) != listed(gotOld) || listed(new) != listed(gotNew) {
			t.Errorf("%s and %s\nread as\n%s and %s", listed(old), listed(new), listed(gotOld), listed(gotNew))
		}
	})
}

// TestTreeLimits: what a tree asks for is bounded before it is given.
func TestTreeLimits(t *testing.T) {
	deep := &node{size: 100}
	for n := deep; n.depth <= maxDepth; n = n.children[0] {
		n.children = []*node{{parent: n, depth: n.depth + 1, kind: goGzip + 1, len: 10, size: 100}}
	}
	wide := &node{size: 100}
	for range maxNodes + 1 {
		wide.children = append(wide.children, &node{parent: wide, depth: 1, kind: goGzip + 1})
	}
	large := &node{size: 100, children: []*node{{depth: 1, kind: goGzip + 1, len: 1, size: 1 << 20}, {depth: 1, kind: goGzip + 1, off: 1, len: 1, size: 1}}}
	outside := &node{size: 100, children: []*node{{depth: 1, kind: goGzip + 1, off: 50, len: 51}}}
	unknown := &node{size: 100, children: []*node{{depth: 1, kind: 255, len: 1}}}
	content := &node{size: 100, children: []*node{{depth: 1, kind: unpackedGzip, len: 1}}}
	empty := &node{size: 100}
	for name, tc := range map[string]struct {
		old, new *node
		want     error
	}{
		"deep":                  {deep, empty, ErrLimit},
		"wide":                  {empty, wide, ErrLimit},
		"large":                 {large, empty, ErrLimit},
		"large in the new file": {empty, large, ErrLimit},
		"outside":               {outside, empty, ErrCorrupt},
		"unknown":               {unknown, empty, ErrVersion},
		"not to be folded":      {empty, content, ErrCorrupt},
		"as told":               {content, empty, nil},
	} {
		if _, _, err := readTrees(writeTrees(tc.old, tc.new), 100, 100, 1<<20); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

// TestFlatPlaces: the raw runs of all nodes make the flat content, in order and without
// a gap, and flatAt agrees with them.
func TestFlatPlaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, root := drawTrees(t)
		root.lay(0)
		at := int64(0)
		var check func(n *node)
		check = func(n *node) {
			if n.flat != at {
				t.Fatalf("a node at %d begins at %d", n.flat, at)
			}
			next := 0
			n.raws(func(off, flat, length int64) {
				for ; next < len(n.children) && n.children[next].end() <= off; next++ {
					check(n.children[next])
				}
				if flat != at || n.flatAt(off) != flat || n.flatAt(off+length-1) != flat+length-1 {
					t.Fatalf("a run at %d is at %d or %d, want %d", off, flat, n.flatAt(off), at)
				}
				at += length
			})
			for ; next < len(n.children); next++ {
				check(n.children[next])
			}
			if n.flat+n.flatLen != at {
				t.Fatalf("a node ends at %d, want %d", n.flat+n.flatLen, at)
			}
		}
		check(root)
	})
}
