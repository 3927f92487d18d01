package disk

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// node answers the kernel for one file or directory.
type node struct {
	fs.Inode
	d  *Disk
	id ID
}

func (d *Disk) node(id ID) *node { return &node{d: d, id: id} }

// look has fn read the file under the lock.
func (n *node) look(fn func(t *Tree, f *file)) {
	n.d.mu.Lock()
	defer n.d.mu.Unlock()
	fn(n.d.tree, n.d.tree.nodes[n.id])
}

// path is a name of the node, for messages.
func (n *node) path() string { return n.Path(nil) }

func (n *node) below(name string) string { return filepath.Join(n.path(), name) }

func (f *file) attr(id ID, out *fuse.Attr) {
	out.Ino, out.Size, out.Mode, out.Nlink = uint64(id), uint64(len(f.data)), f.mode|f.kind(), 1
	out.Blocks = (out.Size + 511) / 512
}

func (f *file) kind() uint32 {
	if f.dir {
		return fuse.S_IFDIR
	}
	return fuse.S_IFREG
}

// child makes the inode of a file that is in the tree.
func (n *node) child(ctx context.Context, id ID, out *fuse.EntryOut) *fs.Inode {
	n.d.mu.Lock()
	f := n.d.tree.nodes[id]
	f.attr(id, &out.Attr)
	kind := f.kind()
	n.d.mu.Unlock()
	return n.NewInode(ctx, n.d.node(id), fs.StableAttr{Mode: kind, Ino: uint64(id), Gen: 1})
}

// Lookup finds a name.
func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	id := ID(0)
	n.look(func(_ *Tree, f *file) { id = f.names[name] })
	if id == 0 {
		return nil, syscall.ENOENT
	}
	return n.child(ctx, id, out), 0
}

// Getattr is stat.
func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.look(func(_ *Tree, f *file) { f.attr(n.id, &out.Attr) })
	return 0
}

// Setattr is chmod and truncate; times and owners are nothing to it.
func (n *node) Setattr(ctx context.Context, h fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if size, ok := in.GetSize(); ok {
		if errno := n.d.do(Op{Kind: Truncate, Node: n.id, Path: n.path(), Size: int64(size)}, nil); errno != 0 {
			return errno
		}
	}
	if mode, ok := in.GetMode(); ok {
		if errno := n.d.do(Op{Kind: Chmod, Node: n.id, Path: n.path(), Mode: mode & 0o7777}, nil); errno != 0 {
			return errno
		}
	}
	return n.Getattr(ctx, h, out)
}

// make is what Create and Mkdir share.
func (n *node) make(ctx context.Context, name string, mode uint32, dir bool, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	o := Op{Kind: Create, Node: n.d.fresh(), Path: n.below(name), Dir: n.id, Name: name, IsDir: dir, Mode: mode & 0o7777}
	if errno := n.d.do(o, n.free(name)); errno != 0 {
		return nil, errno
	}
	return n.child(ctx, o.Node, out), 0
}

// free says that a name is not taken.
func (n *node) free(name string) func(*Tree) syscall.Errno {
	return func(t *Tree) syscall.Errno {
		if t.nodes[n.id].names[name] != 0 {
			return syscall.EEXIST
		}
		return 0
	}
}

// Create makes a file.
func (n *node) Create(ctx context.Context, name string, _, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	child, errno := n.make(ctx, name, mode, false, out)
	return child, nil, 0, errno
}

// Mkdir makes a directory.
func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return n.make(ctx, name, mode, true, out)
}

// Link gives a file a further name.
func (n *node) Link(ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	to := target.(*node)
	o := Op{Kind: Link, Node: to.id, Path: to.path(), ToDir: n.id, ToName: name}
	if errno := n.d.do(o, n.free(name)); errno != 0 {
		return nil, errno
	}
	return n.child(ctx, to.id, out), 0
}

// Rename moves a name.
func (n *node) Rename(_ context.Context, name string, parent fs.InodeEmbedder, to string, flags uint32) syscall.Errno {
	if flags != 0 {
		return syscall.ENOTSUP
	}
	dir := parent.(*node)
	o := Op{Kind: Rename, Path: n.below(name), Dir: n.id, Name: name, ToDir: dir.id, ToName: to}
	n.look(func(_ *Tree, f *file) { o.Node = f.names[name] })
	return n.d.do(o, func(t *Tree) syscall.Errno {
		there := t.nodes[t.nodes[dir.id].names[to]]
		switch {
		case t.nodes[n.id].names[name] == 0:
			return syscall.ENOENT
		case there == nil:
			return 0
		case there.dir != t.nodes[o.Node].dir:
			return syscall.EISDIR
		case len(there.names) > 0:
			return syscall.ENOTEMPTY
		}
		return 0
	})
}

func (n *node) remove(name string) syscall.Errno {
	o := Op{Kind: Remove, Path: n.below(name), Dir: n.id, Name: name}
	n.look(func(_ *Tree, f *file) { o.Node = f.names[name] })
	return n.d.do(o, func(t *Tree) syscall.Errno {
		switch f := t.nodes[o.Node]; {
		case f == nil:
			return syscall.ENOENT
		case len(f.names) > 0:
			return syscall.ENOTEMPTY
		}
		return 0
	})
}

// Unlink takes a file's name.
func (n *node) Unlink(_ context.Context, name string) syscall.Errno { return n.remove(name) }

// Rmdir takes an empty directory's name.
func (n *node) Rmdir(_ context.Context, name string) syscall.Errno { return n.remove(name) }

// Open opens a file, whose bytes are asked for anew; the kernel truncates by Setattr.
func (n *node) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, 0, n.d.do(Op{Kind: Open, Node: n.id, Path: n.path()}, nil)
}

// Read reads.
func (n *node) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	if errno := n.d.do(Op{Kind: Read, Node: n.id, Path: n.path(), Off: off}, nil); errno != 0 {
		return nil, errno
	}
	got := 0
	n.look(func(_ *Tree, f *file) { got = copy(dest, f.data[min(off, int64(len(f.data))):]) })
	return fuse.ReadResultData(dest[:got]), 0
}

// Write writes.
func (n *node) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	o := Op{Kind: Write, Node: n.id, Path: n.path(), Off: off, Data: slices.Clone(data)}
	if errno := n.d.do(o, nil); errno != 0 {
		return 0, errno
	}
	return uint32(len(data)), 0
}

// fdatasync is the flag by which the kernel tells it from fsync.
const fdatasync = 1

// Fsync syncs a file, or the names in a directory.
func (n *node) Fsync(_ context.Context, _ fs.FileHandle, flags uint32) syscall.Errno {
	kind := Sync
	if n.IsDir() {
		kind = SyncDir
	}
	return n.d.do(Op{Kind: kind, Node: n.id, Path: n.path(), DataOnly: flags&fdatasync != 0}, nil)
}

// Readdir lists.
func (n *node) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	if errno := n.d.do(Op{Kind: List, Node: n.id, Path: n.path()}, nil); errno != 0 {
		return nil, errno
	}
	var list []fuse.DirEntry
	n.look(func(t *Tree, f *file) {
		for _, name := range slices.Sorted(maps.Keys(f.names)) {
			id := f.names[name]
			list = append(list, fuse.DirEntry{Name: name, Ino: uint64(id), Mode: t.nodes[id].kind()})
		}
	})
	return fs.NewListDirStream(list), 0
}

// Statfs has plenty of room: a full disk is a Fault.
func (n *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	const blocks = 1 << 28
	out.Bsize, out.Frsize, out.NameLen = 4096, 4096, 255
	out.Blocks, out.Bfree, out.Bavail, out.Files, out.Ffree = blocks, blocks, blocks, blocks, blocks
	return 0
}
