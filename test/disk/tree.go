package disk

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Tree is what is on a disk at one moment.
type Tree struct {
	nodes map[ID]*file
	last  ID
}

type file struct {
	dir   bool
	mode  uint32 // permissions
	data  []byte
	names map[string]ID // of a directory
}

// NewTree is an empty disk.
func NewTree() *Tree {
	return &Tree{nodes: map[ID]*file{rootID: {dir: true, mode: 0o755, names: map[string]ID{}}}, last: rootID}
}

// Clone copies it.
func (t *Tree) Clone() *Tree {
	c := &Tree{nodes: make(map[ID]*file, len(t.nodes)), last: t.last}
	for id, f := range t.nodes {
		c.nodes[id] = &file{dir: f.dir, mode: f.mode, data: slices.Clone(f.data), names: maps.Clone(f.names)}
	}
	return c
}

// node finds or makes one: of a power cut the name may be left and not its making.
func (t *Tree) node(id ID, dir bool) *file {
	f, ok := t.nodes[id]
	if !ok {
		f = &file{dir: dir, mode: 0o600}
		if dir {
			f.mode, f.names = 0o700, map[string]ID{}
		}
		t.nodes[id] = f
		t.last = max(t.last, id)
	}
	return f
}

// apply does what o does. What has no place to be is passed over.
func (t *Tree) apply(o Op) {
	switch f := t.node(o.Node, o.IsDir); o.Kind {
	case Create:
		f.mode = o.Mode
		t.name(o.Dir, o.Name, o.Node)
	case Link:
		t.name(o.ToDir, o.ToName, o.Node)
	case Rename:
		t.unname(o.Dir, o.Name, o.Node)
		t.name(o.ToDir, o.ToName, o.Node)
	case Remove:
		t.unname(o.Dir, o.Name, o.Node)
	case Write:
		f.grow(o.Off + int64(len(o.Data)))
		copy(f.data[o.Off:], o.Data)
	case Truncate:
		f.grow(o.Size)
		f.data = f.data[:o.Size]
	case Chmod:
		f.mode = o.Mode
	}
}

// grow makes the file at least n long; what is new is zero.
func (f *file) grow(n int64) {
	if more := n - int64(len(f.data)); more > 0 {
		f.data = append(f.data, make([]byte, more)...)
	}
}

func (t *Tree) name(dir ID, name string, id ID) {
	if d := t.node(dir, true); d.dir {
		d.names[name] = id
	}
}

// unname takes the name away where it still leads to id.
func (t *Tree) unname(dir ID, name string, id ID) {
	if d := t.node(dir, true); d.names[name] == id {
		delete(d.names, name)
	}
}

// Walk calls fn for every name, directories before what is in them, in order.
func (t *Tree) Walk(fn func(path string, dir bool, mode uint32, data []byte)) {
	t.walk(rootID, ".", fn)
}

func (t *Tree) walk(id ID, path string, fn func(string, bool, uint32, []byte)) {
	for _, name := range slices.Sorted(maps.Keys(t.nodes[id].names)) {
		child := t.nodes[id].names[name]
		f, at := t.nodes[child], filepath.Join(path, name)
		fn(at, f.dir, f.mode, f.data)
		if f.dir {
			t.walk(child, at, fn)
		}
	}
}

// Sum tells trees apart.
func (t *Tree) Sum() [sha256.Size]byte {
	h := sha256.New()
	t.Walk(func(path string, dir bool, mode uint32, data []byte) {
		head := append([]byte(path), 0)
		head = binary.BigEndian.AppendUint32(head, mode)
		h.Write(binary.BigEndian.AppendUint64(head, uint64(len(data))))
		h.Write(data)
	})
	return [sha256.Size]byte(h.Sum(nil))
}

// WriteTo makes the tree's files below dir. Two names of one file become two files.
func (t *Tree) WriteTo(dir string) (err error) {
	t.Walk(func(path string, isDir bool, mode uint32, data []byte) {
		at := filepath.Join(dir, path)
		if isDir {
			err = errors.Join(err, os.Mkdir(at, 0o700))
			return
		}
		err = errors.Join(err, os.WriteFile(at, data, 0o600), os.Chmod(at, fs.FileMode(mode&0o777)))
	})
	return err
}
